#include "kernels/squared_distance.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "base/simd.h"
#include "kernels/cpu/dialect/sum_of_squares.h"

namespace skein::cpu {
namespace {

constexpr int64_t kChunk = 16384;  // elements whose squares are added before the chunks are

SKEIN_SIMD double sum_of_squared_differences(const float* x, const float* y, int64_t n) {
  constexpr int64_t kLanes = 16;
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int64_t k = 0; k < kLanes; ++k) {
      const double d = double(x[i + k] - y[i + k]);
      lanes[k] += d * d;
    }
  double sum = 0;
  for (; i < n; ++i) sum += double(x[i] - y[i]) * double(x[i] - y[i]);
  for (const double lane : lanes) sum += lane;
  return sum;
}

}  // namespace

void squared_distance(Stream, View x, View y, View sum) {
  const int64_t n = x.numel(), chunks = (n + kChunk - 1) / kChunk;
  CHECK(x.dtype == DType::f32 && sum.numel() == 1 && (!y || y.numel() == n), "vectors in f32 of {} and {} numbers", n,
        y.numel());
  const float *a = x.as<float>(), *b = y.as<float>();
  std::vector<double> sums(size_t(chunks), 0.0);
  parallel_ranges(chunks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      const int64_t at = c * kChunk, count = std::min(kChunk, n - at);
      sums[size_t(c)] = b ? sum_of_squared_differences(a + at, b + at, count) : sum_of_squares(a + at, count);
    }
  });
  double total = 0;
  for (const double s : sums) total += s;
  *sum.as<float>() = float(total);
}

}  // namespace skein::cpu
