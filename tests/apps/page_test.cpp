// The facts that skein report and skein view read from run folders, and the page around them. tests/browser has what a
// browser makes of it.
#include "apps/page/page.h"

#include "apps/commands.h"
#include "apps/page/facts.h"
#include "tests/support/command_output.h"
#include "tests/support/data_files.h"

namespace skein::testing {
namespace {

std::string step_line(int step, double loss) {
  return fmt::format(R"({{"type":"step","step":{0},"epoch":1,"loss":{1},"lr":0.1}})"
                     "\n",
                     step, loss);
}
std::string epoch_line(int epoch, double top1) {
  return fmt::format(R"({{"type":"epoch","epoch":{0},"step":{1},"test_top1":{2},"seconds":{0},"class_top1":[1,null]}})"
                     "\n",
                     epoch, 10 * epoch, top1);
}

struct Page : ::testing::Test {
  TempDir dir;

  void write_run(const std::string& name, const std::string& config, const std::string& metrics) {
    std::filesystem::create_directories(dir / name);
    write_file(dir / name / "config.toml", config);
    write_file(dir / name / "metrics.jsonl", metrics);
  }
  void append(const std::string& name, const std::string& text) {
    std::ofstream(dir / name / "metrics.jsonl", std::ios::app) << text;
  }
  Json document() {
    Facts facts({dir.str()});
    facts.update();
    return facts.document(false);
  }
  void report(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "report");
    command_output(add_report_command, arguments);
  }
};

TEST(ThinSeries, KeepsExtremesOfAMillionSteps) {
  ThinSeries series;
  for (int i = 1; i <= 1000000; ++i) series.add(i, i == 777777 ? 1000 : i == 3 ? -1000 : 1);
  const Json ranges = series.ranges();
  EXPECT_LE(ranges.at("x").size(), 2 * ThinSeries::kBuckets);
  EXPECT_EQ(ranges.at("x").elements().back(), 1000000);
  const auto extreme = [&](const char* key, double value) {
    const Json::Array& all = ranges.at(key).elements();
    return std::count(all.begin(), all.end(), Json(int64_t(value)));
  };
  EXPECT_EQ(extreme("high", 1000), 1);
  EXPECT_EQ(extreme("low", -1000), 1);
  EXPECT_LT(series.samples().at("x").size(), 10u);  // the constant stretches are two points each
}

TEST_F(Page, FollowsALogThatGrowsAndIsCutBack) {
  write_run("a", "epochs = 3\n", step_line(1, 2.5) + R"({"type":"st)");
  RunReader run((dir / "a").string());
  EXPECT_TRUE(run.update());
  EXPECT_FALSE(run.update());
  EXPECT_EQ(run.facts("a", 0).at("loss").at("x"), Json::array({1}));
  append("a", "ep\",\"step\":2,\"loss\":null}\n" + epoch_line(1, 50) + "not JSON\n");
  EXPECT_TRUE(run.update());
  const Json facts = Json::parse(run.facts("a", 0).dump());  // a NaN becomes null
  EXPECT_EQ(facts.at("epochs").at("test_top1"), Json::array({50}));
  EXPECT_EQ(facts.at("class_top1"), Json::array({1, Json()}));
  EXPECT_EQ(facts.at("status"), "running");
  EXPECT_EQ(facts.at("notes"), Json::array({"1 lines of metrics.jsonl cannot be read and are left out",
                                            "the loss was not a finite number in 1 steps"}));
  write_run("a", "epochs = 9\n", step_line(1, 2.5));  // shorter: resumed from step 1
  EXPECT_TRUE(run.update());
  EXPECT_EQ(run.facts("a", 0).at("planned_epochs"), 9);
  EXPECT_EQ(run.facts("a", 0).at("epochs").at("epoch").size(), 0u);
}

TEST_F(Page, MarksARunThatEndedWithoutSavingItsLastStep) {
  const auto age = [&] {
    std::filesystem::last_write_time(dir / "a/metrics.jsonl",
                                     std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  };
  write_run("a", "epochs = 3\n", step_line(7, 1));
  age();
  EXPECT_EQ(document().at("runs").at(size_t(0)).at("status"), "stalled");
  std::filesystem::create_directories(dir / "a/checkpoints/last");
  write_file(dir / "a/checkpoints/last/progress.json", R"({"step": 7})");
  EXPECT_EQ(document().at("runs").at(size_t(0)).at("status"), "stopped");
}

TEST_F(Page, GroupsSeedsAndLeavesOutWhatCannotBeRead) {
  write_run("a/0", "seed = 0\nlr = 0.1\n", epoch_line(1, 1));
  write_run("a/1", "seed = 1\nlr = 0.1\n", "");
  write_run("b", "seed = 1\nlr = 0.2\n", epoch_line(1, 1));
  write_run("c", "lr = \n", "");
  write_run("d", "",
            R"({"type":"run","schema":99})"
            "\n");
  append("b", R"({"type":"run","schema":1,"classes":7})"
              "\n");
  write_file(dir / "b/evaluation.json", R"({"classes":["x","y"],"confusion":[[1,2]]})");
  const Json all = document();
  EXPECT_EQ(all.at("groups"), Json::array({Json::array({0, 1}), Json::array({2})}));
  EXPECT_EQ(all.at("differs"), Json::array({"lr", "seed"}));
  ASSERT_EQ(all.at("left_out").size(), 2u);
  EXPECT_NE(all.at("left_out").at(size_t(0)).get<std::string>().find("c/config.toml:1"), std::string::npos);
  EXPECT_NE(all.at("left_out").at(size_t(1)).get<std::string>().find("99"), std::string::npos);
  const Json& b = all.at("runs").at(size_t(2));
  EXPECT_EQ(b.at("name"), "b");
  EXPECT_FALSE(b.contains("confusion"));
  EXPECT_EQ(b.at("notes").size(), 2u);  // the line of the run and the evaluation
}

TEST_F(Page, ShowsAsManyPicturesAsFit) {
  write_run("a", "", epoch_line(1, 1));
  write_file(dir / "a/evaluation.json", R"({"classes":["x","y"],"confusion":[[1,2],[0,4]],"worst":[)"
                                        R"({"index":1,"png":"AAAA"},{"index":2,"png":"<b>"},{"index":3}]})");
  RunReader run((dir / "a").string());
  run.update();
  const Json one = run.facts("a", 6), all = run.facts("a", 100);
  EXPECT_EQ(one.at("worst").size(), 1u);
  EXPECT_EQ(one.at("worst_all"), 3);
  EXPECT_EQ(all.at("worst").size(), 2u);  // the second is no base64, the third has no picture
  EXPECT_EQ(all.at("confused"), Json::array({Json::array({0, 1, 2})}));
}

TEST_F(Page, TextOfARunCannotEndTheElementOfItsFacts) {
  const std::string page = make_page(Json{{"name", "</script><!-- {{nonce}}"}}, false);
  EXPECT_NE(page.find(R"({"name":"\u003c/script>\u003c!-- {{nonce}}"})"), std::string::npos);
}

TEST_F(Page, ReportNamesWhatIsWrong) {
  const std::string out = (dir / "report.html").string();
  expect_error([&] { report({dir.str() + "/none", "--out", out}); }, {"none", "no such folder"});
  expect_error([&] { report({dir.str(), "--out", out}); }, {dir.str(), "no run can be read"});
  write_run("a", "epochs = 1\n", epoch_line(1, 50));
  report({dir.str(), "--out", out});
  expect_error([&] { report({dir.str(), "--out", out}); }, {"--out", "exists", "--force"});
  report({dir.str(), "--out", out, "--force"});
}

}  // namespace
}  // namespace skein::testing
