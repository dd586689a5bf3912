#include "data/loading/batch_mix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"

namespace skein::testing {
namespace {

// Kolmogorov's test against the distribution function of Beta(a, a), integrated numerically: for x <= 1/2 it is
// 1/a * integral over s from 0 to x^a of (1 - s^(1/a))^(a - 1), divided by the same with x = 1, by symmetry.
TEST(Mix, LambdaHasTheDistributionBetaOfAlpha) {
  constexpr int kDraws = 4000;
  for (const double a : {0.1, 0.3, 1.0, 2.5}) {
    const auto integral = [a](double x) {
      double sum = 0;
      for (int i = 0; i < 2000; ++i) sum += std::pow(1 - std::pow((i + 0.5) / 2000 * std::pow(x, a), 1 / a), a - 1);
      return sum * std::pow(x, a);
    };
    const double half = integral(0.5);
    std::vector<double> drawn;
    for (uint32_t i = 0; i < kDraws; ++i)
      drawn.push_back(draw_beta(a, [i](uint32_t block) { return random_words(5, Purpose::mix, 0, i, block); }));
    std::sort(drawn.begin(), drawn.end());
    double distance = 0;
    for (int i = 0; i < kDraws; i += 20) {
      const double x = drawn[size_t(i)];
      const double cdf = x <= 0.5 ? 0.5 * integral(x) / half : 1 - 0.5 * integral(1 - x) / half;
      distance = std::max(distance, std::abs(cdf - (i + 0.5) / kDraws));
    }
    EXPECT_LT(distance, 1.63 / std::sqrt(double(kDraws))) << a;  // 1 %
  }
}

}  // namespace
}  // namespace skein::testing
