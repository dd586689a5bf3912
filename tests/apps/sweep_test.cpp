// skein sweep: its plan, its table of runs written by hand, and small sweeps from outside.
#include <sys/wait.h>

#include <thread>

#include "apps/sweep/sweep_plan.h"
#include "apps/sweep/sweep_slurm.h"
#include "apps/sweep/sweep_table.h"
#include "base/formats/json.h"
#include "base/terminal/shell_words.h"
#include "tests/support/run_binary.h"
#include "tests/support/small_training_run.h"

namespace skein::testing {
namespace {

std::vector<std::string> texts(const SweepAxis& axis) {
  std::vector<std::string> texts;
  for (const SweepChoice& c : axis.choices) texts.push_back(c.text);
  return texts;
}
using Texts = std::vector<std::string>;

TEST(SweepPlan, SeparatesValues) {
  EXPECT_EQ(texts(parse_set("lr=0.1,0.2")), (Texts{"0.1", "0.2"}));
  EXPECT_EQ(texts(parse_set("sync=local:H=4,warmup=linear;post-local:H=16")),
            (Texts{"local:H=4,warmup=linear", "post-local:H=16"}));
  EXPECT_EQ(texts(parse_set("drops=0.5,0.75;")), (Texts{"0.5,0.75"}));
  EXPECT_EQ(texts(parse_set("drops=0.5")), (Texts{"0.5"}));
  EXPECT_EQ(texts(parse_set("net=1Gbit,1ms;10Gbit,1ms")), (Texts{"1Gbit,1ms", "10Gbit,1ms"}));
  EXPECT_EQ(parse_set("lr=0.1").choices[0].flags, (Texts{"--lr=0.1"}));
  for (const char* wrong : {"lr", "lr=", "=1"}) expect_error([&] { parse_set(wrong); }, {"no name or no value"});
  expect_error([] { parse_set("lr=0.1,,0.2"); }, {"empty"});
  expect_error([] { parse_set("lr=,"); }, {"empty"});
  expect_error([] { parse_set("lr=0.1,0.1"); }, {"--set lr", "0.1 is given twice"});
  expect_error([] { parse_set("drops=0.5,0.75"); }, {"drops=0.5,0.75;"});
  expect_error([] { parse_set("lrr=1"); }, {"--lrr", "Did you mean lr?"});
  expect_error([] { parse_set("seed=1,2"); }, {"--seeds"});
}

SweepPlan small_plan() {
  SweepPlan plan{{"train", "--model=resnet8", "--data=synthetic", "--seed=5"}, {}, 2, 0};
  plan.axes = {parse_set("lr=0.1,0.2"),
               parse_variants({"mini=--sync minibatch", "local=--sync local:H=4 --workers 2"})};
  return plan;
}

TEST(SweepPlan, GoesSeedBySeedThroughAllCombinations) {
  SweepPlan plan = small_plan();
  check_plan(plan);
  const std::vector<SweepRun> runs = runs_of(plan, "DIR");
  Texts folders;
  for (const SweepRun& run : runs) folders.push_back(run.folder);
  EXPECT_EQ(folders, (Texts{"DIR/lr=0.1_mini/seed-5", "DIR/lr=0.1_local/seed-5", "DIR/lr=0.2_mini/seed-5",
                            "DIR/lr=0.2_local/seed-5", "DIR/lr=0.1_mini/seed-6", "DIR/lr=0.1_local/seed-6",
                            "DIR/lr=0.2_mini/seed-6", "DIR/lr=0.2_local/seed-6"}));
  EXPECT_EQ(shell_words(runs[1].arguments),
            "train --model=resnet8 --data=synthetic --seed=5 --lr=0.1 --sync local:H=4 --workers 2 --seed=5 "
            "--resume-if-started --out DIR/lr=0.1_local/seed-5");
  EXPECT_EQ(shell_words({"it's", "a b", ""}), R"('it'\''s' 'a b' '')");
}

TEST(SweepPlan, FoldersDifferWhereTheirPlainTextsDoNot) {
  SweepPlan plan{{"train"}, {parse_set("data=a:b,a/b," + std::string(300, 'x'))}, 1, 0};
  const std::vector<SweepSetting> settings = settings_of(plan);
  EXPECT_EQ(settings[0].folder, "data=a-b");
  EXPECT_EQ(settings[1].folder, "data=a-b-2");
  EXPECT_EQ(settings[2].folder.size(), 150u);
}

TEST(SweepPlan, RefusesWhatCannotBeCompared) {
  const auto check = [](Texts train, std::vector<SweepAxis> axes) {
    train.insert(train.begin(), {"train", "--model=resnet8", "--data=synthetic"});
    SweepPlan plan{train, std::move(axes), 1, 0};
    check_plan(plan);
  };
  expect_error([&] { check({"--out=x"}, {}); }, {"--out", "names the run folders"});
  expect_error([&] { check({"--limit-steps=3"}, {}); }, {"--limit-steps"});
  expect_error([&] { check({"--lr=0.1"}, {parse_set("lr=1,2")}); }, {"--set lr", "Leave one of them out"});
  expect_error([&] { check({}, {parse_set("lr=1,2"), parse_set("lr=3")}); }, {"--set lr", "twice"});
  expect_error([&] { check({}, {parse_set("lr=1"), parse_variants({"a=--lr 3"})}); }, {"--set lr", "variant"});
  expect_error([&] { check({}, {parse_variants({"a=--seed 3"})}); }, {"--seeds"});
  expect_error([&] { check({}, {parse_variants({"a=--resume x"})}); }, {"variant=a", "--resume"});
  expect_error([&] { check({}, {parse_variants({"a=--trace x.json.gz"})}); }, {"variant=a", "--trace"});
  expect_error([&] { check({}, {parse_set("lr=0.1,0.10")}); }, {"lr=0.1", "lr=0.10", "same run"});
  expect_error([&] { check({}, {parse_set("sync=local:H=4,warmup=linear")}); }, {"sync=warmup=linear"});
  expect_error([&] { check({}, {parse_set("lr=0.1,-1")}); }, {"lr=-1", "out of range"});
  expect_error([] { parse_variants({"..=--lr 1"}); }, {"..", "folder"});
  SweepPlan none{{}, {}, 1, 0};
  expect_error([&] { check_plan(none); }, {"after --"});
}

TEST(SweepPlan, IsKeptAndComparedByName) {
  const TempDir dir;
  const SweepPlan plan = small_plan();
  expect_error([&] { read_plan(dir.str()); }, {"sweep.json"});
  write_plan(plan, dir.str());
  const SweepPlan kept = read_plan(dir.str());
  require_same_plan(plan, kept, dir.str());
  SweepPlan other = plan;
  other.seeds = 3;
  require_same_plan(other, kept, dir.str());
  other.seeds = 1;
  expect_error([&] { require_same_plan(other, kept, "DIR"); }, {"DIR", "2 seeds", "1, fewer"});
  other = plan;
  other.axes[0] = parse_set("lr=0.1,0.3");
  expect_error([&] { require_same_plan(other, kept, "DIR"); }, {"lr: 0.1 0.2", "lr: 0.1 0.3"});
  other.axes = {plan.axes[0]};
  expect_error([&] { require_same_plan(other, kept, "DIR"); }, {"variant: mini", "no more axes"});
  other = plan;
  other.train[1] = "--model=resnet20";
  expect_error([&] { require_same_plan(other, kept, "DIR"); }, {"resnet8", "resnet20"});
  write_file(dir / "sweep.json", "{\"schema\": 9}");
  expect_error([&] { read_plan(dir.str()); }, {"schema 9"});
  write_file(dir / "sweep.json", "{");
  expect_error([&] { read_plan(dir.str()); }, {"sweep.json", "not the plan"});
}

// Logs of two seeds of lr=0.1 and of one, and a part of another, of lr=0.2.
struct SweepTable : ::testing::Test {
  TempDir dir;
  SweepPlan plan{{"train"}, {parse_set("lr=0.1,0.2")}, 2, 0};

  void write_run(const std::string& name, const std::vector<double>& top1) {
    std::string lines;
    for (size_t i = 0; i < top1.size(); ++i)
      lines += fmt::format(R"({{"type":"epoch","epoch":{0},"step":{0},"train_loss":0.5,"test_top1":{1},"seconds":{2},)"
                           R"("rounds":{{"world":1,"block":0,"bytes":{3}}}}})"
                           "\n",
                           i + 1, top1[i], 10 * (i + 1), 1'000'000 * (i + 1));
    write_file(dir / name / "config.toml", "epochs = 3\n");
    write_file(dir / name / "metrics.jsonl", lines);
  }
  void SetUp() override {
    write_run("lr=0.1/seed-0", {70, 91, 80});
    write_run("lr=0.1/seed-1", {90, 80, 82});
    write_run("lr=0.2/seed-0", {50, 60, 70.5});
    write_run("lr=0.2/seed-1", {50});
  }
  std::string table(TableFormat format) { return sweep_table(plan, dir.str(), {format, 0.9, {}}); }
};

TEST_F(SweepTable, HasMeanAndDeviationOverTheSeedsThatAreDone) {
  const std::string text = table(TableFormat::text);
  expect_parts(text, {"lr   runs  last top-1 %  best top-1 %       train loss  rounds    MB sent     seconds",
                      "runs to 90 %  epochs to 90 %  seconds to 90 %  MB to 90 %\n",
                      "0.1   2/2  81.00 ± 1.41  90.50 ± 0.71  0.5000 ± 0.0000   1 ± 0  3.0 ± 0.0  30.0 ± 0.0",
                      "2/2       1.5 ± 0.7       15.0 ± 7.1   1.5 ± 0.7\n", "0.2   1/2         70.50         70.50",
                      "0/1               -                -           -\n"});
  const Json json = Json::parse(table(TableFormat::json));
  const Json& row = json.at("rows").at(size_t(0));
  EXPECT_EQ(row.at("setting").at("lr"), "0.1");
  EXPECT_EQ(row.at("runs").size(), 2u);
  const Json& last = row.at("measured").at("last_top1");
  EXPECT_EQ(last.at("mean"), 81.0);
  EXPECT_NEAR(last.at("deviation").get<double>(), std::sqrt(2.0), 1e-12);
  EXPECT_EQ(last.at("n"), 2);
  EXPECT_EQ(json.at("rows").at(size_t(1)).at("measured").at("last_top1").at("deviation"), Json());
  EXPECT_EQ(table(TableFormat::csv).find("\n0.2,1,2,70.5,,1,70.5,,1,0.5,,1,") == std::string::npos, false);
  expect_parts(table(TableFormat::markdown),
               {"| lr | runs | last top-1 % |", "|---|---:|---:|", "| 0.1 | 2/2 | 81.00"});
}

TEST_F(SweepTable, StandsBeforeTheFirstRunIsDone) {
  SweepPlan other{{"train"}, {parse_set("lr=0.3")}, 1, 0};
  expect_parts(sweep_table(other, dir.str(), {}), {"lr   runs  last top-1 %", "0.3   0/1             -"});
  expect_error([] { check_table({TableFormat::text, 0, {"fast"}}); }, {"fast"});
}

struct SweepCommand : ::testing::Test {
  TempDir dir;
  std::string out = (dir / "sweep").string(), command = kSkein + " sweep --out " + out;
  std::string run_text(const std::string& name) { return read_file(out + "/" + name); }
};

TEST_F(SweepCommand, TrainsTheOthersWhereOneFailsAndSkipsWhatIsDone) {
  const std::string all = command + " --set lr=0.05,1e6 --jobs 2 --format json -- " +
                          kSmallRun.substr(0, kSmallRun.find("--lr")) + " --conv onednn --epochs 1 --threads 1";
  const ProgramOutput first = shell(all);
  EXPECT_EQ(first.status, 1) << first.err;
  expect_parts(first.err,
               {"0 of 2 runs are done", "done     lr=0.05/seed-0", "failed   lr=1e6/seed-0 with status 1", "loss"});
  const Json table = Json::parse(first.out);
  EXPECT_EQ(table.at("rows").at(size_t(0)).at("measured").at("last_top1").at("n"), 1);
  EXPECT_EQ(table.at("rows").at(size_t(1)).at("measured").at("last_top1").at("n"), 0);
  const ProgramOutput again = shell(all);
  EXPECT_EQ(again.status, 1);
  expect_parts(again.err, {"1 of 2 runs are done", "start    1/1  lr=1e6/seed-0"});
  EXPECT_EQ(shell(command + " --table --format csv").out.rfind("lr,runs,planned,last_top1", 0), 0u);
  expect_failure(shell(command + " --set lr=0.05 -- train --data synthetic"), 2, {out, "another sweep"});
  expect_failure(shell(command + " --table --set lr=1"), 2, {"--table"});
  expect_failure(shell(command + " train --data synthetic"), 2, {"--data", "-- train ..."});
}

TEST_F(SweepCommand, StopsAndGoesOn) {
  const std::string all = command + " --seeds 2 -- " + kSmallRun + " --epochs 100000 --threads 1 >" + out + ".txt";
  const std::string log = out + "/setting/seed-0.log";
  const auto stop_in_training = [&](const std::string& sign) {
    return shell(
        fmt::format("{} & pid=$!; for i in $(seq 1200); do grep -q '{}' {} 2>/dev/null && break; sleep 0.05; done; "
                    "kill -TERM $pid; wait $pid",
                    all, sign, log));
  };
  const ProgramOutput first = stop_in_training("epoch 2/");
  EXPECT_EQ(first.status, 128 + SIGTERM) << first.err << read_file(log);
  expect_parts(read_file(log), {"stopped  after step"});
  expect_parts(read_file(out + ".txt"), {"stopped  setting/seed-0", "the same command goes on", "0/2"});
  EXPECT_EQ(stop_in_training("resume   from step").status, 128 + SIGTERM);
  EXPECT_FALSE(fs::exists(out + "/setting/seed-1"));
}

TEST_F(SweepCommand, WritesAndSubmitsAJobArray) {
  const std::string all =
      command + " --slurm --sbatch=--time=1:00:00 --seeds 2 --jobs 4 -- " + kSmallRun + " --epochs 1";
  expect_failure(shell("PATH=/nowhere " + all), 2, {"no sbatch in PATH", out + "/sweep.sbatch is written"});
  const std::string script = run_text("sweep.sbatch");
  expect_parts(script,
               {"#SBATCH --array=0-1%4\n", "#SBATCH --time=1:00:00\n", "--signal=B:USR1@120", "--resume-if-started"});
  write_file(dir / "bin/sbatch", "#!/bin/sh\necho submitted $1\n");
  fs::permissions(dir / "bin/sbatch", fs::perms::owner_all);
  const ProgramOutput submitted = shell("PATH=" + (dir / "bin").string() + ":$PATH " + all);
  EXPECT_EQ(submitted.status, 0) << submitted.err;
  expect_parts(submitted.out, {"submitted " + out + "/sweep.sbatch"});
  const ProgramOutput task = shell("SLURM_ARRAY_TASK_ID=1 bash " + out + "/sweep.sbatch");
  EXPECT_EQ(task.status, 0) << task.err;
  expect_parts(shell(command + " --table").out, {"1/2"});
}

TEST(JobArray, QuotesTheFolderOfItsLogs) {
  const std::string script = sbatch_script({SweepRun{}}, R"(/a 5% "b")", 0, {});
  expect_parts(script, {R"(#SBATCH --output="/a 5%% \"b\"/slurm-%a.log")"});
}

TEST_F(SweepCommand, DryRunPrintsAndWritesNothing) {
  const ProgramOutput output =
      shell(command + " --dry-run --set lr=0.1,0.2 -- " + kSmallRun.substr(0, kSmallRun.find("--lr")));
  EXPECT_EQ(output.status, 0) << output.err;
  expect_parts(output.out, {"0 of 2 runs", "--lr=0.2 --seed=0 --resume-if-started --out " + out + "/lr=0.2/seed-0\n"});
  EXPECT_FALSE(fs::exists(out));
}

}  // namespace
}  // namespace skein::testing
