// Runs that are stopped and resumed have the same bits as those that are not; logs are cut back; damage and other runs
// are noticed.
#include "train/run/resume.h"

#include <filesystem>
#include <fstream>

#include "base/formats/json.h"
#include "tests/support/run_binary.h"
#include "tests/support/small_training_run.h"
#include "tests/support/training_grid.h"
#include "train/log/event_file.h"
#include "train/run/checkpoint.h"
#include "train/run/run.h"
#include "train/run/run_folder.h"

namespace skein::testing {
namespace {

namespace fs = std::filesystem;

void expect_same_run(const std::string& a, const std::string& b) {
  for (const char* file : {"/checkpoints/last/model.safetensors", "/checkpoints/last/optimizer.safetensors",
                           "/checkpoints/best/model.safetensors"})
    expect_same_tensors(a + file, b + file);
  EXPECT_EQ(without_times(a + "/summary.csv"), without_times(b + "/summary.csv"));
  const auto x = records(a + "/metrics.jsonl", "step"), y = records(b + "/metrics.jsonl", "step");
  ASSERT_EQ(x.size(), y.size());
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(x[i].at("step"), y[i].at("step"));
    EXPECT_EQ(x[i].at("loss"), y[i].at("loss")) << "step " << i + 1;
    EXPECT_EQ(x[i].at("lr"), y[i].at("lr"));
  }
}

// Stopped in the first epoch, between its last step and its evaluation, and in the second epoch.
TEST(Train, ResumedRunIsTheSameToTheBit) {
  const TempDir dir;
  const std::string whole = (dir / "whole").string(), parts = (dir / "parts").string();
  EXPECT_TRUE(train({.config = small_config(), .out = whole}, never));
  EXPECT_FALSE(train({.config = small_config(), .out = parts, .limit_steps = 4}, never));
  EXPECT_FALSE(train({.config = small_config(), .resume = parts, .limit_steps = 6}, never));
  EXPECT_EQ(open_checkpoint(parts + "/checkpoints/last").state.step_in_epoch, 10) << "trained, not yet evaluated";
  EXPECT_FALSE(train({.config = small_config(), .resume = parts, .limit_steps = 7}, never));
  EXPECT_TRUE(train({.config = small_config(), .resume = parts}, never));
  expect_same_run(whole, parts);
}

// Single worker: its moments and the average of its weights are in files of their own.
TEST(Train, ResumedRunOfAdamwAndItsAverageAreTheSameToTheBit) {
  const TempDir dir;
  const std::string whole = (dir / "whole").string(), parts = (dir / "parts").string();
  TrainConfig c = small_config();
  c.lr = 0.003;
  c.optimizer = OptimizerKind::adamw;
  c.lr_schedule = RateShape::cosine;
  c.clip_norm = 1;
  c.ema = 0.8;
  EXPECT_TRUE(train({.config = c, .out = whole}, never));
  EXPECT_FALSE(train({.config = c, .out = parts, .limit_steps = 7}, never));
  EXPECT_TRUE(train({.config = c, .resume = parts}, never));
  expect_same_run(whole, parts);
  const std::string ema = ema_folder(last(whole));
  expect_same_tensors(ema + "/model.safetensors", ema_folder(last(parts)) + "/model.safetensors");
  const auto epoch = records(whole + "/metrics.jsonl", "epoch").back();
  EXPECT_NE(epoch.at("ema_test_loss"), epoch.at("test_loss"));
  const auto printed = skein("eval --json --checkpoint " + ema);
  ASSERT_EQ(printed.status, 0) << printed.err;
  EXPECT_EQ(Json::parse(printed.out).at("top1"), epoch.at("ema_test_top1"));
}

TrainConfig augmented_config() {
  TrainConfig c = small_config();
  c.trivial_augment = true;
  c.random_erase = 0.5;
  c.mixup = 0.4;
  c.cutmix = 1;
  return c;
}

std::vector<std::string> event_files(const std::string& run) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(run))
    if (entry.path().filename().string().starts_with(kEventFilePrefix)) files.push_back(entry.path().string());
  return files;
}

// The logs of a program that was killed are ahead of its last checkpoint. With every augmentation, whose draws go on,
// too.
TEST(Train, ResumingCutsTheLogsBack) {
  const TempDir dir;
  const std::string whole = (dir / "whole").string(), killed = (dir / "killed").string();
  const TrainConfig config = augmented_config();
  EXPECT_TRUE(train({.config = config, .out = whole}, never));
  EXPECT_FALSE(train({.config = config, .out = killed, .limit_steps = 14}, never));
  {
    std::ofstream metrics(killed + "/metrics.jsonl", std::ios::app), summary(killed + "/summary.csv", std::ios::app);
    metrics << R"({"type":"step","step":15,"epoch":2,"loss":9})"
            << "\n"
            << R"({"type":"epoch","epoch":2,"step":20})"
            << "\n"
            << R"({"type":"st)";
    summary << "2,20,0.1,1,1,1,1,1,1,1\n";
    for (const std::string& path : event_files(killed)) {
      std::ofstream(path, std::ios::app) << "begun";
      std::ofstream(path + ".partial") << "of a program that was killed while it cut the file back";
    }
  }
  EXPECT_TRUE(train({.config = config, .resume = killed}, never));
  expect_same_run(whole, killed);
  EXPECT_EQ(event_files(killed).size(), 2u) << "one for each start";
}

TEST(Train, ADamagedCheckpointFallsBackToTheOneBefore) {
  const TempDir dir;
  const std::string whole = (dir / "whole").string(), run = (dir / "run").string();
  TrainConfig c = small_config();
  c.keep = 2;
  train({.config = c, .out = whole}, never);
  EXPECT_FALSE(train({.config = c, .out = run, .limit_steps = 14}, never));
  const std::string model = run + "/checkpoints/last/model.safetensors", best = run + "/checkpoints/best";
  fs::remove_all(best);
  fs::copy(whole + "/checkpoints/last", best, fs::copy_options::recursive);
  std::string bytes = read_file(model);
  bytes[bytes.size() / 2] = char(bytes[bytes.size() / 2] ^ 16);
  write_file(model, bytes);
  EXPECT_EQ(last_checkpoint(run), run + "/checkpoints/last-1");
  // A log that was lost is no reason not to go on.
  fs::remove(run + "/metrics.jsonl");
  EXPECT_FALSE(train({.config = c, .resume = run, .limit_steps = 4}, never));
  EXPECT_EQ(open_checkpoint(best + ".abandoned").state.epoch, 2) << "the logs no longer reach so far";
  EXPECT_FALSE(fs::exists(best));
  // The damaged one does not take the place of the whole one.
  EXPECT_TRUE(fs::exists(run + "/checkpoints/last.damaged"));
  EXPECT_EQ(open_checkpoint(run + "/checkpoints/last-1").state.step, 10);
  EXPECT_TRUE(train({.config = c, .resume = run}, never));
  EXPECT_EQ(open_checkpoint(best).state.epoch, 2) << "the best since then";
  EXPECT_EQ(read_file(whole + "/checkpoints/last/model.safetensors"), read_file(model));
}

// Checkpoints within an epoch, at every chance, change no bit and are kept in their order. A crash loses the steps
// after the last one.
TEST(Train, WritesCheckpointsWithinAnEpoch) {
  const TempDir dir;
  const std::string whole = (dir / "whole").string(), run = (dir / "run").string();
  TrainConfig c = small_config();
  c.epochs = 1;
  train({.config = c, .out = whole}, never);
  c.checkpoint_minutes = 1e-9;
  c.keep = 2;
  int64_t calls = 0;
  const auto crash = [&]() -> bool {
    if (++calls == 5) throw std::runtime_error("crash");
    return false;
  };
  EXPECT_THROW(train({.config = c, .out = run}, crash), std::runtime_error);
  const TrainState saved = open_checkpoint(last_checkpoint(run)).state;
  EXPECT_EQ(saved.epoch, 0);
  EXPECT_GT(saved.step_in_epoch, 0);
  EXPECT_LT(open_checkpoint(run + "/checkpoints/last-1").state.step, saved.step);
  c.checkpoint_minutes = 0;
  EXPECT_TRUE(train({.config = c, .resume = run}, never));
  for (const char* file : {"/model.safetensors", "/optimizer.safetensors"})
    expect_same_tensors(last(whole) + file, last(run) + file);
  EXPECT_EQ(without_times(whole + "/summary.csv"), without_times(run + "/summary.csv"));
}

// The same while the run goes on: the bits of a run that waits for its checkpoints, and resumed from one of them.
TEST(Train, WritesCheckpointsWhileItGoesOn) {
  const TempDir dir;
  TrainConfig c = small_config();
  for (const int64_t workers : {1, 3}) {
    c.workers = workers;
    if (workers > 1) c.sync = "local:H=2", c.compress = "ef-sign", c.outer_momentum = 0.5, c.ema = 0.9;
    const std::string waits = (dir / fmt::format("waits-{}", workers)).string();
    const std::string whole = (dir / fmt::format("whole-{}", workers)).string(), run = whole + "-broken";
    c.checkpoint_async = false, c.checkpoint_minutes = 0;
    train({.config = c, .out = waits}, never);
    c.checkpoint_async = true, c.checkpoint_minutes = 1e-9;
    train({.config = c, .out = whole}, never);
    int64_t calls = 0;
    const auto crash = [&]() -> bool {
      if (++calls == 5) throw std::runtime_error("crash");
      return false;
    };
    EXPECT_THROW(train({.config = c, .out = run}, crash), std::runtime_error);
    EXPECT_GT(open_checkpoint(last_checkpoint(run)).state.step_in_epoch, 0);
    EXPECT_TRUE(train({.config = c, .resume = run}, never));
    for (const auto& file : fs::directory_iterator(last(waits))) {
      const std::string name = file.path().filename().string();
      if (file.path().extension() != ".safetensors") continue;
      expect_same_tensors(last(waits) + "/" + name, last(whole) + "/" + name);
      expect_same_tensors(last(waits) + "/" + name, last(run) + "/" + name);
    }
    EXPECT_EQ(without_times(waits + "/summary.csv"), without_times(whole + "/summary.csv"));
  }
}

TEST(Train, SaysThatACheckpointCouldNotBeWrittenWhileItWentOn) {
  const TempDir dir;
  TrainConfig c = small_config();
  c.checkpoint_async = true, c.checkpoint_minutes = 1e-9;
  const std::string run = (dir / "run").string();
  int64_t calls = 0;
  const auto block = [&] {
    if (++calls > 1) return false;
    fs::remove_all(run + "/checkpoints");
    write_file(run + "/checkpoints", "a file where the folder should be");
    return false;
  };
  try {
    train({.config = c, .out = run}, block);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const RunFailed& e) {
    expect_parts(e.what(), {"checkpoint", "was not written", "There is no checkpoint yet"});
  }
}

// A crash between the two renames, on a file system that cannot exchange folders.
TEST(Train, ResumesFromTheOlderCheckpointWhenThereIsNoOther) {
  const TempDir dir;
  const std::string run = (dir / "run").string(), last = run + "/checkpoints/last";
  EXPECT_FALSE(train({.config = small_config(), .out = run, .limit_steps = 3}, never));
  fs::rename(last, last + ".old");
  const testing::ProgramOutput resumed = skein("train --limit-steps 1 --resume " + run);
  EXPECT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_EQ(open_checkpoint(last).state.step, 4);
}

TEST(Train, ResumeRefusesWhatIsNotTheSameRun) {
  const TempDir dir;
  const std::string run = (dir / "run").string();
  EXPECT_FALSE(train({.config = small_config(), .out = run, .limit_steps = 11}, never));
  TrainConfig other = small_config();
  other.synthetic_classes = 7;
  expect_error([&] { train({.config = other, .resume = run}, never); }, {"7 classes", "data that the run began with"});
  other = small_config();
  other.synthetic_train = 60;
  expect_error([&] { train({.config = other, .resume = run}, never); }, {"training images or labels are not those"});
  Json progress = Json::parse(read_file(last(run) + "/progress.json"));  // of an older version, without fingerprints
  progress.erase("data");
  write_file(last(run) + "/progress.json", progress.dump());
  fs::remove(last(run) + kChecksumFile);
  expect_error([&] { train({.config = other, .resume = run}, never); }, {"8 steps per epoch", "step 11"});
  expect_error([&] { train({.config = other, .resume = dir.str()}, never); }, {"no checkpoint yet", "--config"});
  expect_error([&] { train({.config = other, .resume = run + "x"}, never); }, {"no such run folder"});
}

// Each compression with each momentum, with the schedules in turn; stopped and resumed twice.
TEST(LocalSgd, ConfigurationsResumeToTheBit) {
  const TempDir dir;
  ProcessGroup alone;
  EXPECT_EQ(train_to_lines(alone, few_configurations(), (dir / "checkpoint").string()),
            train_to_lines(alone, few_configurations()));
}

}  // namespace
}  // namespace skein::testing
