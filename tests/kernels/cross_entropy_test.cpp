#include "kernels/cross_entropy.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/tensor.h"

namespace skein::testing {
namespace {

struct Result {
  float loss;
  int32_t top1, top5;
};

Result run(const std::vector<float>& logits, int64_t classes, const std::vector<int32_t>& labels) {
  const int64_t rows = int64_t(labels.size());
  const Tensor l = Tensor::from(Device::cpu, logits, {rows, classes}), y = Tensor::from(Device::cpu, labels, {rows});
  const Tensor loss = Tensor::zeros(Device::cpu, DType::f32, {1}),
               correct = Tensor::zeros(Device::cpu, DType::i32, {2});
  cpu::cross_entropy(nullptr, l, y, {}, {}, 0.0f, loss, correct, {});
  return {*loss.host(), correct.view().as<int32_t>()[0], correct.view().as<int32_t>()[1]};
}

TEST(CrossEntropy, CountsTop1AndTop5) {
  const Result r = run({1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7}, 7, {6, 2, 1});
  EXPECT_EQ(r.top1, 1);
  EXPECT_EQ(r.top5, 2);
}

TEST(CrossEntropy, SettlesTiesByIndex) {
  EXPECT_EQ(run({0, 0, 0}, 3, {0}).top1, 1);
  EXPECT_EQ(run({0, 0, 0}, 3, {1}).top1, 0);
  EXPECT_EQ(run({0, 0, 0}, 3, {2}).top5, 1);
}

TEST(CrossEntropy, SurvivesLargeLogitsAndReportsNaN) {
  EXPECT_FLOAT_EQ(run({1e4f, -1e4f}, 2, {1}).loss, 2e4f);
  const Result r = run({NAN, 0}, 2, {1});
  EXPECT_TRUE(std::isnan(r.loss));
  EXPECT_EQ(r.top1 + r.top5, 0);
}

TEST(CrossEntropy, RefusesALabelOutOfRange) {
  EXPECT_THROW(run({0, 0}, 2, {2}), std::logic_error);
  EXPECT_THROW(run({0, 0}, 2, {-1}), std::logic_error);
}

}  // namespace
}  // namespace skein::testing
