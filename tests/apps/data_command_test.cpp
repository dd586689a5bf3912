#include "apps/commands.h"
#include "base/formats/json.h"
#include "tests/support/command_output.h"
#include "tests/support/data_files.h"

namespace skein::testing {
namespace {

std::string run(const std::vector<std::string>& arguments) { return command_output(add_data_command, arguments); }

struct DataCommand : ::testing::Test {
  TempDir dir;
  std::string images = (dir / "pets").string(), out = (dir / "pets.skein").string();
  void SetUp() override { write_image_folder(dir / "pets"); }
};

TEST_F(DataCommand, ImportThenInfo) {
  const std::string text = run({"data", "import", images, "--out", out});
  for (const char* part :
       {"2: cat, dog", "3 images of 5 x 6 x 3", "test     2", "mean", "std", "images/s", "pets.skein"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in\n" << text;
  const Splits direct = open_image_folder(images, {}), packed = open_packed(out);
  expect_pixels(packed.train, {0, 1, 2});
  EXPECT_EQ(packed.train.mean[0], direct.train.mean[0]);

  const std::string line = run({"data", "info", out, "--json"});
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  const Json json = Json::parse(line);
  EXPECT_EQ(json.at("train"), 3);
  EXPECT_EQ(json.at("test"), 2);
  EXPECT_EQ(json.at("channels"), 3);
  EXPECT_EQ(json.at("classes"), (std::vector<std::string>{"cat", "dog"}));
  EXPECT_NE(run({"data", "info", out}).find("2: cat, dog"), std::string::npos);
}

TEST_F(DataCommand, GivenConstants) {
  run({"data", "import", images, "--out", out, "--mean", "0.4914,0.4822,0.4465", "--std", "0.2,0.3,0.4", "--size",
       "4"});
  const Splits s = open_packed(out);
  EXPECT_EQ(s.test.mean[1], 0.4822f);
  EXPECT_EQ(s.train.std[2], 0.4f);
  EXPECT_EQ(s.train.height(), 4);
}

TEST_F(DataCommand, NeverOverwritesUnasked) {
  write_file(out, "precious");
  expect_error([&] { run({"data", "import", images, "--out", out, "--force"}); }, {out, "never replaced"});
  EXPECT_EQ(read_file(out), "precious");
  fs::remove(out);
  run({"data", "import", images, "--out", out});
  expect_error([&] { run({"data", "import", images, "--out", out}); }, {out, "exists already", "--force"});
  write_file(dir / "pets/train/cat/bad.png", "bad");
  expect_error([&] { run({"data", "import", images, "--out", out, "--force"}); }, {"bad.png"});
  EXPECT_EQ(open_packed(out).train.size(), 3);  // replaced only by a finished file
  fs::remove(dir / "pets/train/cat/bad.png");
  run({"data", "import", images, "--out", out, "--force"});
  EXPECT_EQ(open_packed(out).train.size(), 3);
}

TEST_F(DataCommand, BadFlags) {
  expect_error([&] { run({"data", "import", images, "--out", images}); }, {images, "never replaced"});
  expect_error(
      [&] {
        run({"data", "import", images, "--out", (dir / "no/x.skein").string()});
      },
      {"no folder", "Make it"});
  expect_error([&] { run({"data", "import", (dir / "none").string(), "--out", out}); }, {"none", "no such folder"});
  expect_error(
      [&] {
        run({"data", "import", images, "--out", out, "--mean", "1,2"});
      },
      {"--mean", "2 numbers", "3 channels"});
  expect_error(
      [&] {
        run({"data", "import", images, "--out", out, "--std", "1,0,1"});
      },
      {"--std", "0 is not possible"});
  expect_error([&] { run({"data", "import", images}); }, {"--out"});
  expect_error(
      [&] {
        run({"data", "import", images, "--out", out, "--test-on-train"});
      },
      {"--test-on-train", "shards only"});
  expect_error(
      [&] {
        run({"data", "import", images, "--out", (dir / "shards").string(), "--size", "4"});
      },
      {"--size", "decoded images only", "FILE.skein"});
  EXPECT_FALSE(fs::exists(out));
}

}  // namespace
}  // namespace skein::testing
