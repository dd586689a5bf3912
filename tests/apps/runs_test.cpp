// skein runs and skein compare on folders written by hand: whole logs, cut ones, and logs without a finite number.
#include "apps/commands.h"
#include "apps/table.h"
#include "base/formats/json.h"
#include "tests/support/command_output.h"
#include "tests/support/data_files.h"
#include "train/log/run_log.h"

namespace skein::testing {
namespace {

std::string epoch_line(int epoch, const std::string& top1, double seconds) {
  return fmt::format(R"({{"type":"epoch","epoch":{0},"step":{1},"test_loss":0.5,"test_top1":{2},"seconds":{3},)"
                     R"("rounds":{{"world":{0},"block":0,"bytes":2000000}}}})"
                     "\n",
                     epoch, 10 * epoch, top1, seconds);
}

struct RunsCommand : ::testing::Test {
  TempDir dir;
  std::string folder = dir.str();

  void write_run(const std::string& name, const std::string& config, const std::string& metrics) {
    std::filesystem::create_directories(dir / name);
    write_file(dir / name / "config.toml", config);
    write_file(dir / name / "metrics.jsonl", metrics);
  }
  void SetUp() override {
    write_run("b", "epochs = 2\nlr = 0.1\nsync = 'local:H=4'\n",
              R"({"type":"step","step":1})"
              "\n" +
                  epoch_line(1, "40.5", 1) + epoch_line(2, "39.25", 2));
    write_run("deep/a", "epochs = 3\nlr = 0.2\nsync = 'minibatch'\n",
              epoch_line(1, "50", 3) + epoch_line(2, "null", 6) + R"({"type":"epoch","epo)");
  }
  std::string run(const std::vector<std::string>& arguments) {
    return command_output(arguments[0] == "runs" ? add_runs_command : add_compare_command, arguments);
  }
  Json runs(const std::string& order) {
    return Json::parse(run({"runs", folder, "--json", "--sort", order})).at("runs");
  }
};

TEST_F(RunsCommand, ListsWhatDiffers) {
  const Json all = runs("path");
  ASSERT_EQ(all.size(), 2u);
  const Json &b = all.at(size_t(0)), &a = all.at(size_t(1));
  EXPECT_EQ(b.at("status"), "done");
  EXPECT_EQ(b.at("last_top1"), 39.25);
  EXPECT_EQ(b.at("best_top1"), 40.5);
  EXPECT_EQ(b.at("best_epoch"), 1);
  EXPECT_EQ(b.at("unread_lines"), 0);
  EXPECT_EQ(a.at("status"), "running");
  EXPECT_EQ(a.at("epochs"), 2);
  EXPECT_EQ(a.at("last_top1"), Json());
  EXPECT_EQ(a.at("best_top1"), 50.0);
  EXPECT_EQ(a.at("unread_lines"), 1);
  const Json differs = {{"epochs", "3"}, {"lr", "0.2"}, {"sync", "minibatch"}};
  EXPECT_EQ(a.at("differs"), differs);
  EXPECT_EQ(runs("best").at(size_t(0)), a);
  EXPECT_EQ(runs("last").at(size_t(0)), b);

  const std::string table = run({"runs", folder});
  EXPECT_NE(table.find("deep/a  running     2/3       -   50.00"), std::string::npos) << table;
  EXPECT_NE(table.find("deep/a/metrics.jsonl: 1 lines cannot be read"), std::string::npos) << table;
}

TEST_F(RunsCommand, OldRunThatStoppedIsNotRunning) {
  std::filesystem::last_write_time(dir / "deep/a/metrics.jsonl",
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_EQ(runs("path").at(size_t(1)).at("status"), "stopped");
}

TEST_F(RunsCommand, ComparesSettingsAndResults) {
  const std::string text = run({"compare", (dir / "b").string(), (dir / "deep/a").string()});
  for (const char* line :
       {"lr       0.1        0.2", "sync     local:H=4  minibatch", "best test top-1 (%)    40.50   50.00    9.50",
        "last test top-1 (%)    39.25       -       -"})
    EXPECT_NE(text.find(line), std::string::npos) << line << " is not in\n" << text;
}

TEST_F(RunsCommand, NamesWhatIsNoRun) {
  expect_error([&] { run({"runs", folder + "/none"}); }, {"none", "no such folder"});
  std::filesystem::create_directories(dir / "empty");
  expect_error([&] { run({"runs", folder + "/empty"}); }, {"empty", "holds no run"});
  expect_error([&] { run({"compare", folder + "/b", folder + "/empty"}); }, {"empty", "config.toml"});
  write_run("broken", "lr = \n", "");
  EXPECT_NE(run({"runs", folder}).find("broken/config.toml:1: this is not TOML"), std::string::npos);
}

TEST(Table, AlignsCharactersNotBytes) {
  EXPECT_EQ(format_table({Align::left, Align::right}, {{"name", "n"}, {"é", "10"}}), "name   n\né     10\n");
}

}  // namespace
}  // namespace skein::testing
