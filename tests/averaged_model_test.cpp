// The model that is evaluated and saved where there are several workers: which running statistics it has.
#include "apps/averaged_model.h"

#include <gtest/gtest.h>

#include "apps/trainer.h"
#include "tests/small_run.h"

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
  const ModelCard card = make_card(c, data.train);
  AveragedModel averaged(card, data.train, Queue{});
  ParameterStore a, b;
  for (ParameterStore* p : {&a, &b}) {
    make_model(c.model, card.model_options(), *p);
    p->build(Device::cpu, 1);
  }
  Lane lane(Device::cpu);
  Job alone;
  averaged.update(alone, {&a, &b}, 2, lane);
  const std::vector<float> first = averaged.parameters.state.to_vector();
  const auto [mean, var] = a.statistics().front();
  for (int64_t i = 0; i < var.count; ++i) EXPECT_GT(first[size_t(var.begin + i)], 0.0f);
  EXPECT_NE(first[size_t(var.begin)], a.state.host()[var.begin]) << "still what the workers have";
  a.state.host()[mean.begin] = 7;
  averaged.update(alone, {&a, &b}, 2, lane);
  EXPECT_EQ(averaged.parameters.state.to_vector(), first) << "depends on what the workers have seen";
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
  const ModelCard card = make_card(c, data.train);
  AveragedModel averaged(card, data.train, Queue{});
  Lane lane(Device::cpu);
  Job alone;
  ParameterStore a, b;
  for (ParameterStore* p : {&a, &b}) {
    make_model(c.model, card.model_options(), *p);
    p->build(Device::cpu, 1);
  }
  const auto [mean, var] = a.statistics().front();
  a.state.host()[mean.begin] = 1;
  b.state.host()[mean.begin] = 4;
  a.state.host()[var.begin] = 2;
  b.state.host()[var.begin] = 3;
  averaged.update(alone, {&a, &b}, 2, lane);
  EXPECT_FLOAT_EQ(averaged.parameters.state.host()[mean.begin], 2.5f);
  EXPECT_FLOAT_EQ(averaged.parameters.state.host()[var.begin], (2 + 1 + 3 + 16) / 2.0f - 2.5f * 2.5f);
}

}  // namespace
}  // namespace skein::testing
