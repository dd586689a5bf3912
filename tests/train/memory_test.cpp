#include "train/run/memory.h"

#include <gtest/gtest.h>

#include "tests/support/run_binary.h"
#include "tests/support/small_training_run.h"
#include "train/trainer.h"
#include "train/validate.h"

namespace skein::testing {
namespace {

ModelInfo info_of(const TrainConfig& c) { return make_model_info(c, open_dataset(c.data, dataset_options(c)).train); }

// What a worker really holds.
int64_t bytes_of(const ParameterStore& p) {
  int64_t sum = 0;
  for (const Tensor* t : {&p.value, &p.grad, &p.velocity, &p.second_moment, &p.shadow, &p.running_statistics})
    if (t->defined()) sum += int64_t(t->view().bytes());
  return sum;
}

TEST(Memory, OfADryRunIsThatOfARun) {
  for (const ComputeType type : {ComputeType::f32, ComputeType::bf16}) {
    TrainConfig c = small_config();
    c.dtype = type;
    c.optimizer = type == ComputeType::bf16 ? OptimizerKind::adamw : OptimizerKind::sgd;
    const Splits data = open_dataset(c.data, dataset_options(c));
    const ModelInfo info = make_model_info(c, data.train);
    const MemoryNeed need = memory_need(info, 1);
    ProcessGroup alone;
    Trainer trainer(alone, info, data);
    EXPECT_EQ(need.model, bytes_of(trainer.worker(0).parameters()));
    const int64_t images = c.batch * 8 * 8 * 3 * (type == ComputeType::bf16 ? 2 : 4);
    trainer.run({.on_step = [](const StepMetrics&) {},
                 .on_epoch = [](const EpochMetrics&) {},
                 .should_stop = never,
                 .last_step = 1});
    const int64_t peak = int64_t(trainer.workers().context_between_steps().arena.peak());
    EXPECT_NEAR(double(need.step - images), double(peak), 1024) << "the loss is kept elsewhere";
  }
}

// A batch fits into nine tenths of the memory, and one image more does not.
TEST(Memory, TheLargestBatchThatFitsIsSaid) {
  TrainConfig c = small_config();
  c.batch = 64;
  const ModelInfo info = info_of(c);
  const auto need = [&](int64_t batch) {
    ModelInfo other = info;
    other.config.batch = batch;
    return memory_need(other, 1).total();
  };
  EXPECT_EQ(lack_of_memory(info, 1, 1, need(64)), "");
  const std::string lack = lack_of_memory(info, 1, 1, need(48));
  expect_parts(lack, {"--batch 64, times 1 at once", "What would fit: --batch "});
  const int64_t batch = std::stoll(lack.substr(lack.find("fit: --batch ") + 13));
  EXPECT_LE(need(batch), need(48) / 10 * 9);
  EXPECT_GT(need(batch + 1), need(48) / 10 * 9);
  EXPECT_EQ(lack.find("--workers"), std::string::npos);
}

TEST(Memory, WorkersAreCountedOnTheMachine) {
  TrainConfig c = small_config();
  c.workers = 8;
  c.sync = "local:H=2";
  c.parallel = 2;
  const ModelInfo info = info_of(c);
  const MemoryNeed two = memory_need(info, 2);
  EXPECT_EQ(two.workers, 4);
  EXPECT_EQ(two.at_once, 2);
  EXPECT_EQ(lack_of_memory(info, 2, 2, 2 * two.total()), "");
  const int64_t for_three_models = 2 * (3 * two.model + 2 * two.step) * 10 / 9 + 10;
  expect_parts(lack_of_memory(info, 2, 2, for_three_models), {"for its 2 processes here", "times 8", "--workers 6"});
  expect_parts(lack_of_memory(info, 2, 2, 1), {"Take a smaller network"});
}

TEST(Memory, OfANetworkWithDropout) {
  TrainConfig c = small_config();
  c.model = "wrn10-1";
  const int64_t without = memory_need(info_of(c), 1).step;
  c.dropout = 0.3;
  EXPECT_GE(memory_need(info_of(c), 1).step, without);
}

TEST(Memory, ARunThatCannotFitIsRefusedBeforeItBegins) {
  TrainConfig c = small_config();
  c.model = "wrn28-10";
  c.workers = 4096;
  c.batch = 1;
  c.synthetic_train = c.workers;
  c.sync = "local:H=2";
  expect_error([&] { train({.config = c}, never); }, {"this run needs at least", "GB are available on", "--workers"});
}

}  // namespace
}  // namespace skein::testing
