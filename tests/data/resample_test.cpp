// data/image/resample.h against its formula, in double, pixel by pixel.
#include "data/image/resample.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace skein {
namespace {

// Weights of output k over pixels [low, high), as PIL's precompute_coeffs computes them.
std::vector<double> reference_weights(const Extent& e, int64_t outputs, int64_t k) {
  const double step = e.length / double(outputs), support = std::max(1.0, step);
  const double centre = e.begin + (double(k) + 0.5) * step;
  std::vector<double> w(static_cast<size_t>(e.high), 0.0);
  for (int64_t x = e.low; x < e.high; ++x)
    w[size_t(x)] = std::max(0.0, 1 - std::abs(double(x) + 0.5 - centre) / support);
  const double sum = std::accumulate(w.begin(), w.end(), 0.0);
  for (double& x : w) x /= sum;
  return w;
}

struct Case {
  Extent extent;
  int64_t outputs;
};
const Case kCases[] = {{{0, 40, 0, 40}, 40},      {{0, 40, 0, 40}, 17},  {{3, 20, 3, 23}, 64},
                       {{5, 1, 5, 6}, 8},         {{0, 333, 0, 333}, 5}, {{7, 9, 7, 16}, 9},
                       {{2.25, 30.5, 0, 40}, 16}, {{10, 25, 10, 35}, 1}, {{3.5, 20, 3, 24}, 7}};

TEST(Resample, WeightsAreTheFormulas) {
  for (const Case& c : kCases)
    for (const bool mirrored : {false, true}) {
      AxisWeights a;
      a.make({0, 99, 0, 99}, 3, true);  // earlier contents have no effect
      a.make(c.extent, c.outputs, mirrored);
      EXPECT_EQ(a.taps % 2, 0);
      int64_t begin = INT64_MAX, end = 0;
      for (int64_t k = 0; k < c.outputs; ++k) {
        const auto want = reference_weights(c.extent, c.outputs, mirrored ? c.outputs - 1 - k : k);
        std::vector<double> got(want.size() + size_t(a.taps), 0.0);
        for (int64_t t = 0; t < a.taps; ++t)
          got[size_t(a.first[size_t(k)] + t)] = double(a.weights[size_t(k * a.taps + t)]);
        for (size_t x = 0; x < want.size(); ++x) {
          EXPECT_NEAR(got[x], want[x], 1e-7) << c.extent.begin << "+" << c.extent.length << " output " << k;
          if (got[x] > 0) begin = std::min(begin, int64_t(x)), end = std::max(end, int64_t(x) + 1);
        }
      }
      EXPECT_LE(a.begin, begin);
      EXPECT_GE(a.end, end);
      EXPECT_GE(a.begin, c.extent.low);
      EXPECT_LE(a.end, c.extent.high);
    }
}

TEST(Resample, ARowIsTheWeightedSum) {
  for (const Case& c : kCases) {
    AxisWeights a;
    a.make(c.extent, c.outputs, false);
    const int64_t origin = a.begin / 2, width = a.end - origin;
    std::vector<uint8_t> bytes(size_t(4 * width));
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = uint8_t(i * 37 + i / 7);
    std::vector<float> row(size_t(4 * (width + a.taps))), out(size_t(3 * c.outputs + 1));
    widen_row(bytes.data(), 4 * width, row.data());
    const float scale[4] = {1, 2, 0.5f, 0};
    resample_row(row.data(), origin, a, scale, out.data());
    for (int64_t k = 0; k < c.outputs; ++k) {
      const auto w = reference_weights(c.extent, c.outputs, k);
      for (int64_t ch = 0; ch < 3; ++ch) {
        double want = 0;
        for (int64_t x = a.begin; x < a.end; ++x) want += w[size_t(x)] * bytes[size_t(4 * (x - origin) + ch)];
        EXPECT_NEAR(out[size_t(3 * k + ch)], want * double(scale[ch]), 1e-4 * (1 + want));
      }
    }
  }
}

TEST(Resample, Sums) {
  const std::vector<float> row = {1, -2, 3, 4, 5}, bias = {10, 20, 30, 40, 50};
  std::vector<float> out(5);
  begin_sum(row.data(), 0.5f, bias.data(), 5, out.data());
  EXPECT_EQ(out, (std::vector<float>{10.5f, 19, 31.5f, 42, 52.5f}));
  add_to_sum(row.data(), 2, 5, out.data());
  EXPECT_EQ(out, (std::vector<float>{12.5f, 15, 37.5f, 50, 62.5f}));
}

}  // namespace
}  // namespace skein
