#include "local_sgd/learning_rate.h"

#include <gtest/gtest.h>

#include <cmath>

namespace skein::testing {
namespace {

// lr 0.1 per 64, batch 128, 16 workers, 25 steps per epoch, 300 epochs.
TEST(LearningRateSchedule, FollowsThePublishedSchedule) {
  const LearningRateSchedule s{0.1, 64, 128, 16, 5, {150, 225}, 0.1};
  const std::pair<int64_t, double> expected[] = {{0, 0.1},      {1, 0.1248},   {25, 0.72},   {62, 1.6376},
                                                 {124, 3.1752}, {125, 3.2},    {3749, 3.2},  {3750, 0.32},
                                                 {5624, 0.32},  {5625, 0.032}, {7499, 0.032}};
  for (const auto& [step, rate] : expected) EXPECT_NEAR(s.at(step, 25), rate, 1e-12) << "step " << step;
}

TEST(LearningRateSchedule, DoesNotWarmUpToALowerRate) {
  const LearningRateSchedule s{0.1, 256, 128, 1, 5, {}, 0.1};
  EXPECT_DOUBLE_EQ(s.at(0, 10), 0.05);
}

TEST(LearningRateSchedule, IsNotScaledWithoutABaseBatch) {
  const LearningRateSchedule s{0.2, 0, 128, 1, 5, {5, 7.5}, 0.1};
  EXPECT_DOUBLE_EQ(s.at(0, 2), 0.2);
  EXPECT_DOUBLE_EQ(s.at(10, 2), 0.02);
  EXPECT_NEAR(s.at(15, 2), 0.002, 1e-15);
}

TEST(LearningRateSchedule, ScalesByTheSquareRootOrNotAtAll) {
  LearningRateSchedule s{0.1, 64, 128, 8, 5, {}, 0.1, RateScaling::sqrt};
  EXPECT_DOUBLE_EQ(s.peak(), 0.4);
  EXPECT_DOUBLE_EQ(s.at(0, 10), 0.1) << "warms up to it";
  s.scaling = RateScaling::none;
  EXPECT_DOUBLE_EQ(s.peak(), 0.1);
}

TEST(LearningRateSchedule, WarmsUpFromAGivenRateWithoutScaling) {
  LearningRateSchedule s{0.2, 0, 128, 1, 2, {5}, 0.1};
  EXPECT_EQ(s.warm_up(), 0);
  s.warmup_from = 0.02;
  EXPECT_DOUBLE_EQ(s.at(0, 10), 0.02);
  EXPECT_DOUBLE_EQ(s.at(10, 10), 0.11);
  EXPECT_DOUBLE_EQ(s.at(20, 10), 0.2);
}

// A rate that would drop before it is at its peak: half of the way to the drop, or to the end.
TEST(LearningRateSchedule, ShortensAWarmUpThatIsTooLong) {
  LearningRateSchedule s{0.1, 64, 128, 16, 5, {3, 4.5}, 0.1};
  s.epochs = 6;
  EXPECT_DOUBLE_EQ(s.warm_up(), 1.5);
  EXPECT_DOUBLE_EQ(s.at(15, 10), 3.2);
  EXPECT_DOUBLE_EQ(s.at(30, 10), 0.32);
  s.drops = {5.5};
  EXPECT_EQ(s.warm_up(), 5) << "ends before the drop";
  s.shape = RateShape::cosine;
  EXPECT_EQ(s.warm_up(), 5);
  s.epochs = 4;
  EXPECT_EQ(s.warm_up(), 2);
}

TEST(LearningRateSchedule, KnowsWhetherTheRateDrops) {
  LearningRateSchedule s{0.1, 0, 128, 1, 5, {3, 4.5}, 0.1};
  s.epochs = 6;
  EXPECT_EQ(s.first_drop(), 3);
  s.drops = {6};
  EXPECT_TRUE(std::isinf(s.first_drop())) << "a drop after the last step";
  s.drops = {};
  EXPECT_TRUE(std::isinf(s.first_drop()));
  s.drops = {3};
  s.shape = RateShape::cosine;
  EXPECT_TRUE(std::isinf(s.first_drop()));
}

}  // namespace
}  // namespace skein::testing
