// The merge of models that were trained on different numbers of samples.
#include "local_sgd/weighted_merge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace skein::testing {
namespace {

std::vector<float> merged(const std::vector<std::pair<std::vector<float>, int64_t>>& terms) {
  std::vector<Tensor> memory;
  std::vector<WeightedTerm> list;
  for (const auto& [values, samples] : terms) {
    memory.push_back(Tensor::from(Device::cpu, values, {int64_t(values.size())}));
    list.push_back({memory.back(), samples});
  }
  const Tensor mean = Tensor::zeros(Device::cpu, DType::f32, {int64_t(terms[0].first.size())});
  weighted_mean(list, mean, {});
  return mean.to_vector();
}

TEST(WeightedMerge, WeighsBySamples) {
  EXPECT_EQ(merged({{{1, -2}, 96}, {{5, 2}, 32}}), (std::vector<float>{2, -1}));
  EXPECT_EQ(merged({{{0.3f, 7}, 5}}), (std::vector<float>{0.3f, 7}));
}

TEST(WeightedMerge, SumsInTheOrderOfTheList) {
  const std::vector<float> a{1e8f, 1}, b{1, 1e-8f}, c{-1e8f, -1};
  const auto forward = merged({{a, 1}, {b, 1}, {c, 1}}), other = merged({{a, 1}, {c, 1}, {b, 1}});
  EXPECT_NE(forward, other) << "the order is meant to show in the last bits";
  EXPECT_EQ(forward, merged({{a, 1}, {b, 1}, {c, 1}}));
  const double exact = 1.0 / 3;
  EXPECT_NEAR(other[0], exact, 1e-7);
}

TEST(WeightedMerge, RefusesNothingAndTermsWithoutSamples) {
  EXPECT_THROW(weighted_mean({}, Tensor::zeros(Device::cpu, DType::f32, {1}), {}), std::logic_error);
  EXPECT_THROW(merged({{{1}, 0}}), std::logic_error);
}

}  // namespace
}  // namespace skein::testing
