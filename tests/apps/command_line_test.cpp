// Options of commands: the values that are read, and messages about those that are not permitted.
#include "apps/command_line.h"

#include "apps/exit_status.h"
#include "tests/support/data_files.h"
#include "train/config/config_types.h"

namespace skein::testing {
namespace {

struct Fixture {
  std::string file, name = "x";
  int64_t batch = 4, size = 8;
  double rate = 0.5;
  DeviceChoice device = DeviceChoice::automatic;
  ComputeType type = ComputeType::f32;
  bool json = false, augment = true;
  std::vector<std::string> nets;
  std::vector<double> drops{0.5};
  bool ran = false;
  Command root{"tool", ""};

  Fixture() {
    Command& c = root.add("work", "");
    c.option("file", file, "a file", {.required = true});
    c.option("--name", name, "a name", {.choices = {"x", "y"}});
    c.option("--batch", batch, "images", {.low = 1});
    c.option("--size", size, "pixels", {.choices = {"8", "16"}});
    c.option("--rate", rate, "a rate", {.low = 0, .high = 1});
    c.option("--device", device, "a device");
    c.option("--dtype", type, "a type", {.choices = {"f32", "bf16"}});
    c.option("--net", nets, "networks");
    c.option("--drops", drops, "drops", {.low = 0, .high = 1});
    c.flag("--json", json, "JSON");
    c.on_off("--augment", augment, "augment");
    c.body = [this] { ran = true; };
  }
  void run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"work", "in"});
    run_command(root, arguments);
  }
};

TEST(CommandLine, ReadsValuesOfAllTypes) {
  Fixture f;
  f.run({"--name", "y", "--batch", "2", "--size=16", "--rate", "0.25", "--device", "cuda", "--dtype", "bf16", "--net",
         "a", "--net", "b", "--drops", "0.1,0.2", "--json", "--no-augment"});
  EXPECT_TRUE(f.ran);
  EXPECT_EQ(f.file, "in");
  EXPECT_EQ(f.name, "y");
  EXPECT_EQ(f.batch, 2);
  EXPECT_EQ(f.size, 16);
  EXPECT_EQ(f.rate, 0.25);
  EXPECT_EQ(f.device, DeviceChoice::cuda);
  EXPECT_EQ(f.type, ComputeType::bf16);
  EXPECT_EQ(f.nets, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(f.drops, (std::vector<double>{0.1, 0.2}));
  EXPECT_TRUE(f.json);
  EXPECT_FALSE(f.augment);
}

TEST(CommandLine, KeepsDefaultsAndTakesTheLastOfTwo) {
  Fixture f;
  f.run({"--batch", "2", "--batch", "3", "--device", "cpu", "--device", "cuda"});
  EXPECT_EQ(f.batch, 3);
  EXPECT_EQ(f.device, DeviceChoice::cuda);
  EXPECT_EQ(f.rate, 0.5);
  EXPECT_EQ(f.type, ComputeType::f32);
  EXPECT_TRUE(f.augment);
}

TEST(CommandLine, ErrorsNameFlagValueAndWhatIsPermitted) {
  const auto fails = [](const std::vector<std::string>& arguments, const std::vector<std::string>& parts) {
    Fixture f;
    expect_error([&] { f.run(arguments); }, parts);
    EXPECT_FALSE(f.ran);
  };
  fails({"--name", "z"}, {"--name: 'z' is not known; give one of x, y"});
  fails({"--batch", "0"}, {"--batch: 0 is out of range; give a number from 1 up"});
  fails({"--size", "9"}, {"--size: '9' is not known; give one of 8, 16"});
  fails({"--rate", "1.5"}, {"--rate: 1.5 is out of range; give a number from 0 to 1"});
  fails({"--rate", "nan"}, {"--rate: nan is out of range"});
  fails({"--device", "tpu"}, {"--device: 'tpu' is not known; give one of auto, cpu, cuda"});
  fails({"--dtype", "tf32"}, {"--dtype: 'tf32' is not known; give one of f32, bf16"});
  fails({"--drops", "0.5,2"}, {"--drops: 2 is out of range"});
  fails({"--batch", "two"}, {"--batch", "two", "See tool work --help"});
  fails({"--bach", "2"}, {"--bach", "Did you mean --batch?", "See tool work --help"});
  fails({"--file", "in"}, {"--file", "Give the file without a flag", "See tool work --help"});
  fails({"more"}, {"more"});
}

TEST(CommandLine, ArgumentsThatAreRequired) {
  Fixture f;
  expect_error([&] { run_command(f.root, {"work"}); }, {"file", "required", "See tool work --help"});
  f.root.requires_subcommand = true;
  ::testing::internal::CaptureStdout();
  EXPECT_THROW(run_command(f.root, {}), ExitStatus);
  EXPECT_NE(::testing::internal::GetCapturedStdout().find("work"), std::string::npos);
  expect_error([&] { run_command(f.root, {"wrk"}); }, {"no command 'tool wrk'", "Did you mean work?"});
}

TEST(CommandLine, HelpAndVersionEndWithStatusZero) {
  Fixture f;
  f.root.version = "tool 1";
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--version"}, {"work", "--help"}}) {
    ::testing::internal::CaptureStdout();
    try {
      run_command(f.root, arguments);
      ADD_FAILURE() << "went on";
    } catch (const ExitStatus& e) {
      EXPECT_EQ(e.status, kDone);
    }
    EXPECT_NE(::testing::internal::GetCapturedStdout().find(arguments[0] == "work" ? "--batch INT [4]" : "tool 1"),
              std::string::npos);
  }
  EXPECT_FALSE(f.ran);
}

}  // namespace
}  // namespace skein::testing
