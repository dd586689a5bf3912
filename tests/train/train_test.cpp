// Whole runs in this process: the files that they write, the same bits when a run is stopped and resumed, and errors.
#include <unistd.h>

#include <cstring>
#include <sstream>

#include "base/formats/json.h"
#include "engine/safetensors.h"
#include "kernels/device/runtime.h"
#include "tests/support/run_binary.h"
#include "tests/support/small_training_run.h"
#include "train/evaluation/evaluation.h"
#include "train/run/checkpoint.h"
#include "train/run/resume.h"
#include "train/run/run.h"
#include "train/run/run_folder.h"
#include "train/trainer.h"
#include "train/validate.h"

namespace skein::testing {
namespace {

namespace fs = std::filesystem;

TEST(Train, LeavesACompleteRunFolder) {
  const TempDir dir;
  const std::string run = (dir / "run").string();
  EXPECT_TRUE(train({.config = small_config(), .out = run}, never));
  const auto rows = lines_of(run + "/summary.csv");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0], "epoch,step,lr,train_loss,train_top1,test_loss,test_top1,test_top5,img_per_s,seconds");
  EXPECT_EQ(rows[2].rfind("2,20,0.0005,", 0), 0u) << rows[2];

  const auto steps = records(run + "/metrics.jsonl", "step"), epochs = records(run + "/metrics.jsonl", "epoch");
  ASSERT_EQ(steps.size(), 20u);
  ASSERT_EQ(epochs.size(), 2u);
  EXPECT_EQ(steps[9].at("images"), 4) << "the last batch of an epoch is short";
  EXPECT_TRUE(steps[0].contains("wait_ms"));
  double loss = 0;  // every image counts once
  for (size_t i = 0; i < 10; ++i) loss += steps[i].at("loss").get<double>() * steps[i].at("images").get<double>();
  EXPECT_NEAR(epochs[0].at("train_loss").get<double>(), loss / 76, 1e-9);

  TrainConfig written;
  read_config(run + "/config.toml", written);
  EXPECT_EQ(written, small_config());
  EXPECT_FALSE(read_file(run + "/version.txt").empty());
  for (const char* name : {"last", "best"})
    EXPECT_EQ(open_checkpoint(run + "/checkpoints/" + name).info.config, written);
}

TEST(Train, ReportsTheBytesOfEveryRound) {
  const TempDir dir;
  const std::string run = (dir / "run").string();
  TrainConfig c = small_config();
  c.workers = 4;
  c.synthetic_train = 160;  // five steps of 8
  c.sync = "hierarchical:H=2,Hb=2,block=2";
  EXPECT_TRUE(train({.config = c, .out = run}, never));
  std::string reaches;
  int64_t bytes = 0;
  for (const auto& step : records(run + "/metrics.jsonl", "step")) {
    reaches += step.contains("round") ? step.at("round").at("reach").get<std::string>() + " " : "- ";
    if (step.contains("round")) bytes += step.at("round").at("bytes").get<int64_t>();
  }
  EXPECT_EQ(reaches, "- block - world - block - world - world ");
  const auto rounds = records(run + "/metrics.jsonl", "epoch").back().at("rounds");
  EXPECT_EQ(rounds.at("bytes"), bytes);
  EXPECT_GT(bytes, 0);
  EXPECT_EQ(rounds.at("world"), 3);
  EXPECT_EQ(rounds.at("block"), 2);
}

TEST(Train, Learns) {
  const TempDir dir;
  const std::string run = (dir / "run").string();
  TrainConfig c = small_config();
  c.synthetic_train = 512;
  c.epochs = 4;
  c.augment = false;
  EXPECT_TRUE(train({.config = c, .out = run}, never));
  const auto epochs = records(run + "/metrics.jsonl", "epoch");
  EXPECT_LT(epochs[3].at("train_loss").get<double>(), 0.5 * epochs[0].at("train_loss").get<double>());
  EXPECT_GT(epochs[3].at("test_top1").get<double>(), 60.0);
}

// Two processes that write one run would destroy it.
TEST(Train, ARunThatIsWrittenIsRefused) {
  const TempDir dir;
  const std::string run = (dir / "run").string();
  train({.config = small_config(), .out = run, .limit_steps = 3}, never);
  {
    const auto lock = lock_run(run);
    expect_error([&] { train({.config = small_config(), .resume = run}, never); },
                 {run, fmt::format("process {} on ", getpid()), "Wait for its end"});
    expect_error([&] { train({.config = small_config(), .out = run, .start_anew = true}, never); }, {"process"});
  }
  EXPECT_FALSE(fs::exists(run + "/run.lock"));
  EXPECT_FALSE(train({.config = small_config(), .resume = run, .limit_steps = 1}, never));
}

TEST(Train, StopsWhenAskedAfterTheStep) {
  const TempDir dir;
  const std::string run = (dir / "run").string();
  int asked = 0;
  EXPECT_FALSE(train({.config = small_config(), .out = run}, [&] { return ++asked > 3; }));
  EXPECT_EQ(open_checkpoint(run + "/checkpoints/last").state.step, 3);
}

TEST(Train, NeverWritesOverARun) {
  const TempDir dir;
  const std::string run = (dir / "run").string();
  EXPECT_FALSE(train({.config = small_config(), .out = run, .limit_steps = 1}, never));
  const std::string before = read_file(run + "/metrics.jsonl");
  expect_error([&] { train({.config = small_config(), .out = run}, never); },
               {"--out " + run, "not empty", "--resume " + run});
  EXPECT_EQ(read_file(run + "/metrics.jsonl"), before);
}

TEST(Train, LossThatIsNotANumberStopsTheRunAndKeepsTheCheckpoint) {
  const TempDir dir;
  const std::string run = (dir / "run").string();
  TrainConfig c = small_config();
  c.synthetic_train = 8;  // one step per epoch
  c.epochs = 40;
  c.lr = 1e3;
  c.weight_decay = 1;
  try {
    train({.config = c, .out = run}, never);
    FAIL() << "a learning rate of a thousand went well";
  } catch (const RunFailed& e) {
    const Checkpoint kept = open_checkpoint(run + "/checkpoints/last");
    EXPECT_GT(kept.state.step, 0);
    const std::string expected =
        fmt::format("The checkpoint of step {} is kept in {}/checkpoints/last", kept.state.step, run);
    EXPECT_NE(std::string(e.what()).find(expected), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("lower --lr"), std::string::npos) << e.what();
    ParameterStore parameters;
    make_model(c.model, kept.info.model_options(), parameters);
    parameters.build(Device::cpu, 0);
    load_model(kept, parameters);
    for (float x : parameters.value.to_vector()) ASSERT_TRUE(std::isfinite(x));
  }
}

TEST(Train, LossThatIsNotANumberNamesTheStep) {
  const TrainConfig c = small_config();
  const Splits data = open_dataset("synthetic", dataset_options(c));
  ProcessGroup alone;
  Trainer trainer(alone, make_model_info(c, data.train), data);
  int64_t done = 0;
  const auto poison = [&](const StepMetrics& m) {
    done = m.step;
    ParameterStore& p = trainer.worker(0).parameters();
    if (done == 12) p.value.host()[p.segments().back().begin] = NAN;  // fc.bias
  };
  expect_error<RunFailed>(
      [&] {
        trainer.run({poison, [](const EpochMetrics&) {}, never});
      },
      {"the loss is nan at step 13 (epoch 2, step 3 of 10)", "lower --lr"});
  EXPECT_EQ(done, 12);
}

TEST(Train, WhatThisBuildCannotDoIsSaid) {
  TrainConfig c = small_config();
  c.device = DeviceChoice::cuda;
  if (!cuda::available()) expect_error([&] { validate(c, 1); }, {"--device cuda", "--device cpu"});
  c = small_config();
  c.dtype = ComputeType::tf32;
  expect_error([&] { validate(c, 1); }, {"--dtype tf32", "GPU", "--dtype f32 or bf16"});
}

// A short last batch has the weight of its images: 30 images in batches of 30, 16 + 14 and 7 + 7 + 7 + 7 + 2.
TEST(Evaluate, DoesNotDependOnTheBatch) {
  const TrainConfig c = small_config();
  const Splits data = open_dataset("synthetic", dataset_options(c));
  ParameterStore parameters;
  const auto model = make_model(c.model, make_model_info(c, data.train).model_options(), parameters);
  parameters.build(Device::cpu, 3);
  Arena arena(Device::cpu);
  Tape tape(Queue{}, arena);
  std::vector<Score> scores;
  for (int64_t batch : {30, 16, 7}) {
    const auto batches = make_loader(data.test, evaluation_options(batch));
    scores.push_back(evaluate(*model, *batches, tape));
    const Score again = evaluate(*model, *batches, tape);
    EXPECT_EQ(again.loss, scores.back().loss) << "the second pass is not the first";
  }
  for (const Score& s : scores) {
    EXPECT_NEAR(s.loss, scores[0].loss, 1e-5 * scores[0].loss);
    EXPECT_EQ(s.top1, scores[0].top1);
    EXPECT_EQ(s.top5, scores[0].top5);
    EXPECT_GE(s.top5, s.top1);
  }
  EXPECT_TRUE(tape.training);
}

}  // namespace
}  // namespace skein::testing
