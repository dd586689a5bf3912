// The running statistics of the model that is evaluated and saved for several workers.
#include "train/averaged_model.h"

#include <gtest/gtest.h>

#include "tests/support/small_training_run.h"
#include "train/trainer.h"

namespace skein::testing {
namespace {

TrainConfig two_workers() {
  TrainConfig c = small_config();
  c.workers = 2;
  c.synthetic_train = 80;
  return c;
}

TEST(AveragedModel, RecomputesItsOwnStatistics) {
  TrainConfig c = two_workers();
  c.bn_stats = "recompute:3";
  const Splits data = open_dataset("synthetic", dataset_options(c));
  const ModelInfo info = make_model_info(c, data.train);
  AveragedModel averaged(info, data.train, Queue{});
  ParameterStore a, b;
  for (ParameterStore* p : {&a, &b}) {
    make_model(c.model, info.model_options(), *p);
    p->build(Device::cpu, 1);
  }
  StepContext context(Device::cpu);
  ProcessGroup alone;
  averaged.update(alone, {&a, &b}, context);
  const std::vector<float> first = averaged.parameters.running_statistics.to_vector();
  const auto [mean, var] = a.running_pairs().front();
  for (int64_t i = 0; i < var.count; ++i) EXPECT_GT(first[size_t(var.begin + i)], 0.0f);
  EXPECT_NE(first[size_t(var.begin)], a.running_statistics.host()[var.begin]) << "still the workers'";
  a.running_statistics.host()[mean.begin] = 7;
  averaged.update(alone, {&a, &b}, context);
  EXPECT_EQ(averaged.parameters.running_statistics.to_vector(), first) << "depends on the workers' statistics";
}

TEST(AveragedModel, FormsOfStatistics) {
  EXPECT_EQ(parse_bn_statistics("recompute:12").batches, 12);
  expect_error([] { parse_bn_statistics("recompute:0"); }, {"recompute:0", "from 1"});
  expect_error([] { parse_bn_statistics("mean"); }, {"'mean'", "moments"});
}

TEST(AveragedModel, MomentsAddTheVarianceBetweenTheMeans) {
  TrainConfig c = two_workers();
  c.bn_stats = "moments";
  const Splits data = open_dataset("synthetic", dataset_options(c));
  const ModelInfo info = make_model_info(c, data.train);
  AveragedModel averaged(info, data.train, Queue{});
  StepContext context(Device::cpu);
  ProcessGroup alone;
  ParameterStore a, b;
  for (ParameterStore* p : {&a, &b}) {
    make_model(c.model, info.model_options(), *p);
    p->build(Device::cpu, 1);
  }
  const auto [mean, var] = a.running_pairs().front();
  a.running_statistics.host()[mean.begin] = 1;
  b.running_statistics.host()[mean.begin] = 4;
  a.running_statistics.host()[var.begin] = 2;
  b.running_statistics.host()[var.begin] = 3;
  averaged.update(alone, {&a, &b}, context);
  EXPECT_FLOAT_EQ(averaged.parameters.running_statistics.host()[mean.begin], 2.5f);
  EXPECT_FLOAT_EQ(averaged.parameters.running_statistics.host()[var.begin], (2 + 1 + 3 + 16) / 2.0f - 2.5f * 2.5f);
}

}  // namespace
}  // namespace skein::testing
