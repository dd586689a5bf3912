// Runs in bf16 on the CPU: from the images to the network that is used. Resuming, transports and averaging are among
// the configurations of tests/support/training_grid.h.
#include <gtest/gtest.h>

#include "base/formats/json.h"
#include "tests/support/run_binary.h"
#include "tests/support/small_training_run.h"

namespace skein::testing {
namespace {

TrainConfig bf16_config() {
  TrainConfig c = small_config();
  c.device = DeviceChoice::cpu;
  c.dtype = ComputeType::bf16;
  c.conv = "onednn";  // the fastest one differs from run to run
  return c;
}

std::string model_of(const std::string& run) { return last(run) + "/model.safetensors"; }

TEST(Bf16Train, IsCloseToF32AndAnotherRun) {
  const TempDir dir;
  TrainConfig c = bf16_config();
  c.synthetic_train = 256;
  c.augment = false;
  std::map<ComputeType, double> loss;
  for (const ComputeType type : {ComputeType::f32, ComputeType::bf16}) {
    c.dtype = type;
    const std::string run = (dir / to_string(type)).string();
    EXPECT_TRUE(train({.config = c, .out = run}, never));
    loss[type] = records(run + "/metrics.jsonl", "epoch").front().at("train_loss").get<double>();
  }
  EXPECT_NEAR(loss[ComputeType::bf16], loss[ComputeType::f32], 0.02 * loss[ComputeType::f32]);
  EXPECT_NE(loss[ComputeType::bf16], loss[ComputeType::f32]);
}

// With the images of mixup and CutMix, erased, in bf16, and blocks that are computed twice.
TEST(Bf16Train, RecomputedBlocksHaveTheSameBits) {
  const TempDir dir;
  TrainConfig c = bf16_config();
  c.model = "densenet10-4";
  c.mixup = 0.2, c.cutmix = 1, c.random_erase = 0.5;
  c.epochs = 1;
  EXPECT_TRUE(train({.config = c, .out = (dir / "kept").string()}, never));
  c.recompute = true;
  EXPECT_TRUE(train({.config = c, .out = (dir / "again").string()}, never));
  expect_same_tensors(model_of((dir / "kept").string()), model_of((dir / "again").string()));
}

TEST(Bf16Train, ACheckpointResumesInItsOwnTypeAndInitialisesAnother) {
  const TempDir dir;
  const std::string whole = (dir / "whole").string(), parts = (dir / "parts").string();
  TrainConfig c = bf16_config();
  EXPECT_TRUE(train({.config = c, .out = whole}, never));
  EXPECT_FALSE(train({.config = c, .out = parts, .limit_steps = 7}, never));
  const auto other = skein("train --dtype f32 --resume " + parts);
  EXPECT_EQ(other.status, 2) << other.err;
  expect_parts(other.err, {"--dtype"});
  EXPECT_TRUE(train({.config = c, .resume = parts}, never));
  expect_same_tensors(model_of(whole), model_of(parts));
  c.dtype = ComputeType::f32;
  c.init = whole;
  EXPECT_TRUE(train({.config = c, .out = (dir / "f32").string()}, never));

  for (const char* type : {"f32", "bf16"}) {
    const auto printed = skein("eval --json --device cpu --checkpoint " + whole + " --dtype " + type);
    ASSERT_EQ(printed.status, 0) << printed.err;
    EXPECT_NEAR(Json::parse(printed.out).at("top1").get<double>(),
                records(whole + "/metrics.jsonl", "epoch").back().at("test_top1").get<double>(), 7)
        << "two of 30 images";
  }
}

}  // namespace
}  // namespace skein::testing
