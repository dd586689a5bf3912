// skein train from outside: runs that are extended, moved, started again by the same command, or cut off from their
// terminal.
#include <thread>

#include "tests/support/multi_worker_run.h"
#include "tests/support/small_training_run.h"
#include "tests/support/start_processes.h"
#include "train/run/run_folder.h"

namespace skein::testing {
namespace {

class TrainCommand : public ::testing::Test {
 protected:
  std::string at(const std::string& name) const { return (dir_ / name).string(); }
  // The small run's synthetic images as a file; `change` edits the pixels and labels of the training set.
  void write_data(const std::string& name, const std::function<void(uint8_t*, int32_t*)>& change = {}) const {
    const Splits data = open_dataset("synthetic", {.synthetic = {76, 30, 8, 3, 10}});
    if (change) change(data.train.pixels().as<uint8_t>(), const_cast<int32_t*>(data.train.label()));
    fs::create_directories(fs::path(at(name)).parent_path());
    write_packed(at(name), data);
  }
  TempDir dir_;
};

const std::string kFileRun =
    "train --model resnet8 --epochs 2 --batch 8 --eval-batch 16 --lr 0.05 --conv onednn --threads 1 ";

TEST_F(TrainCommand, MoreEpochsDrawTheScheduleAnew) {
  TrainConfig two = small_config(), four = small_config();
  two.drops = {0.5};
  four.epochs = 4;
  four.drops = {0.25};  // the same epoch
  ASSERT_TRUE(train({.config = two, .out = at("run")}, never));
  ASSERT_TRUE(train({.config = four, .out = at("whole")}, never));
  expect_failure(skein("train --drops 0.25 --resume " + at("run")), 2, {"--drops", "unless --epochs"});
  expect_failure(skein("train --epochs 1 --resume " + at("run")), 2, {"--epochs 1", "in epoch 2 already"});
  const ProgramOutput longer = skein("train --epochs 4 --drops 0.25 --resume " + at("run"));
  ASSERT_EQ(longer.status, 0) << longer.err;
  expect_parts(longer.out, {"epochs   4 instead of 2", "the next step is 0.005 instead of 0.005", "drops at epochs 1\n",
                            "epoch 4/4"});
  expect_same_tensors(last(at("whole")) + "/model.safetensors", last(at("run")) + "/model.safetensors");
  expect_parts(read_file(at("run/config.toml")), {"epochs = 4", "drops = [ 0.25 ]"});
}

TEST_F(TrainCommand, GoesOnFromAnyFolderAndFollowsItsData) {
  write_data("here/set.skein");
  const ProgramOutput begun =
      shell(fmt::format("cd {} && {} {} --data set.skein --out run --limit-steps 3", at("here"), kSkein, kFileRun));
  ASSERT_EQ(begun.status, 0) << begun.err;
  const std::string resume = "train --limit-steps 2 --resume " + at("here/run");
  EXPECT_EQ(shell("cd / && " + kSkein + " " + resume).status, 0);

  fs::create_directories(at("there"));
  fs::rename(at("here/set.skein"), at("there/set.skein"));
  expect_failure(skein(resume), 2, {"its data is not at " + at("here/set.skein"), "--data"});
  write_data("labels.skein", [](uint8_t*, int32_t* labels) { std::swap(labels[3], labels[4]); });
  write_data("pictures.skein", [](uint8_t* pixels, int32_t*) { std::swap_ranges(pixels, pixels + 192, pixels + 192); });
  for (const char* other : {"labels", "pictures"})
    expect_failure(skein(resume + " --data " + at(other) + ".skein"), 2,
                   {"its training images or labels are not those", "fingerprint", "--init"});
  const ProgramOutput moved = shell(fmt::format("cd {} && {} {} --data set.skein", at("there"), kSkein, resume));
  EXPECT_EQ(moved.status, 0) << moved.err;
  EXPECT_EQ(skein(resume).status, 0) << "the new place was not kept";
  EXPECT_EQ(open_checkpoint(last(at("here/run"))).state.step, 9);
}

TEST_F(TrainCommand, TheSameCommandStartsAndGoesOn) {
  const std::string run = at("run"), command = kSmallRun + " --limit-steps 7 --resume-if-started --out " + run;
  ASSERT_EQ(skein(kSmallRun + " --out " + at("whole")).status, 0);
  for (int times = 0; times < 3; ++times) {
    const ProgramOutput output = skein(command);
    ASSERT_EQ(output.status, 0) << output.err;
    EXPECT_EQ(output.out.find("resume   from step") != std::string::npos, times > 0);
    EXPECT_EQ(output.out.find("last bits will differ"), std::string::npos);
  }
  expect_same_tensors(last(at("whole")) + "/model.safetensors", last(run) + "/model.safetensors");
  expect_failure(skein(command + " --weight-decay 0.5"), 2, {"--weight-decay: is '0.5'", "'0.0001'", run});
  expect_failure(skein("train --resume-if-started"), 2, {"--resume-if-started", "--out RUN"});
}

TEST_F(TrainCommand, ARunThatDiedBeforeItsFirstCheckpointStartsAnew) {
  const std::string run = at("run"), command = kSmallRun + " --limit-steps 2 --resume-if-started --out " + run;
  write_file(run + "/config.toml", "lr = 9.0\n");
  write_file(run + "/metrics.jsonl", "old line\n");
  write_file(run + "/job.log", "of the job");
  fs::create_directories(run + "/checkpoints/last.new");
  expect_failure(skein(kSmallRun + " --out " + run), 2, {"not empty"});
  const ProgramOutput output = skein(command);
  ASSERT_EQ(output.status, 0) << output.err;
  expect_parts(output.out, {"starts anew", run + "/attempt-1"});
  EXPECT_EQ(read_file(run + "/attempt-1/metrics.jsonl"), "old line\n");
  EXPECT_EQ(read_file(run + "/attempt-1/config.toml"), "lr = 9.0\n");
  EXPECT_EQ(read_file(run + "/job.log"), "of the job");
  EXPECT_EQ(read_file(run + "/metrics.jsonl").find("old"), std::string::npos);
  EXPECT_EQ(open_checkpoint(last(run)).state.step, 2);
  write_file(at("photos/a.jpg"), "x");
  expect_failure(skein(kSmallRun + " --resume-if-started --out " + at("photos")), 2, {"'a.jpg'", "no run's folder"});
}

TEST_F(TrainCommand, AllRanksStartAndGoOnTogether) {
  const std::string command = kMultiWorkerRun + "--init " + SKEIN_SOURCE_DIR +
                              "/tests/golden/torch_resnet8.safetensors --limit-steps 5 --resume-if-started --out ";
  for (int times = 0; times < 2; ++times) {
    const ProgramOutput together = start_processes(2, command + at("processes"));
    ASSERT_EQ(together.status, 0) << together.err;
    ASSERT_EQ(shell(command + at("threads") + " --workers 2").status, 0);
  }
  EXPECT_EQ(open_checkpoint(last(at("processes"))).state.step, 10);
  expect_same_run(at("threads"), at("processes"), 2);
}

TEST_F(TrainCommand, RunsOfTheSameSecondGetFoldersOfTheirOwn) {
  const fs::path before = fs::current_path();
  fs::current_path(dir_.str());
  std::vector<std::string> paths(24);
  std::vector<std::thread> threads;
  for (std::string& path : paths)
    threads.emplace_back([&path] { path = RunFolder::create("", small_config())->path(); });
  for (std::thread& thread : threads) thread.join();
  const int64_t folders = std::distance(fs::directory_iterator("runs"), {});
  std::vector<std::string> refused(8);
  threads.clear();
  for (std::string& reason : refused)
    threads.emplace_back([&reason] {
      try {
        RunFolder::create("one", small_config());
      } catch (const BadInput& e) {
        reason = e.what();
      }
    });
  for (std::thread& thread : threads) thread.join();
  fs::current_path(before);
  EXPECT_EQ(folders, 24);
  std::sort(paths.begin(), paths.end());
  EXPECT_EQ(std::unique(paths.begin(), paths.end()), paths.end()) << "two runs share a folder";
  EXPECT_EQ(std::count(refused.begin(), refused.end(), ""), 1) << "one folder for more than one run";
}

TEST_F(TrainCommand, SeedsThatDoNotFitAreRefused) {
  for (const char* seed : {"9223372036854775808", "-9223372036854775809", "-1"})
    expect_failure(skein(fmt::format("{} --limit-steps 1 --seed {} --out {}", kSmallRun, seed, at("run"))), 2,
                   {"--seed", seed, "out of range"});
  write_file(at("seed.toml"), "seed = 9223372036854775808\n");
  expect_failure(skein("train --config " + at("seed.toml")), 2, {"seed.toml:1"});
  EXPECT_FALSE(fs::exists(at("run")));
}

TEST_F(TrainCommand, HangUpSavesUnlessItIsIgnored) {
  const auto hang_up = [&](const std::string& prefix, const std::string& end, const std::string& run) {
    const std::string command = fmt::format("{} {} {} --epochs {} --out {}", prefix, kSkein, kSmallRun, end, run);
    return signalled_after_a_step(command, run, "HUP");
  };
  const ProgramOutput stopped = hang_up("env --default-signal=HUP", "300", at("stopped"));
  EXPECT_EQ(stopped.status, 128 + SIGHUP) << stopped.err;
  EXPECT_GT(open_checkpoint(last(at("stopped"))).state.step, 0);
  EXPECT_EQ(hang_up("trap '' HUP;", "5", at("ignored")).status, 0);
}

TEST_F(TrainCommand, NothingIsPrintedIntoALog) {
  ASSERT_EQ(skein(kSmallRun + " --out " + at("whole")).status, 0);
  const auto expect_whole_run = [&](const std::string& name, const ProgramOutput& output) {
    EXPECT_EQ(output.status, 0) << name << ": " << output.err;
    EXPECT_EQ(without_times(at("whole/summary.csv")), without_times(at(name + "/summary.csv")));
    for (const std::string& line : lines_of(at(name + "/metrics.jsonl"))) EXPECT_EQ(line.rfind("{\"", 0), 0u) << line;
    expect_same_tensors(last(at("whole")) + "/model.safetensors", last(at(name)) + "/model.safetensors");
  };
  expect_whole_run("closed", skein(kSmallRun + " --out " + at("closed") + " <&- >&- 2>&-"));
  const ProgramOutput full = skein(kSmallRun + " --out " + at("full") + " >/dev/full");
  expect_whole_run("full", full);
  expect_parts(full.err, {"skein: standard output: No space left on device. The run goes on"});
  const ProgramOutput broken = shell(fmt::format("( {} {} --out {}; echo $? >{} ) | true; exit $(cat {})", kSkein,
                                                 kSmallRun, at("broken"), at("status"), at("status")));
  expect_whole_run("broken", broken);
  expect_parts(broken.err, {"standard output: Broken pipe"});
}

}  // namespace
}  // namespace skein::testing
