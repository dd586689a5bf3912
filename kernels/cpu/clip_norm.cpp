#include "kernels/clip_norm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "base/simd.h"
#include "kernels/cpu/dialect/sum_of_squares.h"

namespace skein::cpu {
namespace {

constexpr int64_t kGrain = 4096;   // elements per thread at least
constexpr int64_t kChunk = 16384;  // elements whose squares are added before the chunks are

SKEIN_SIMD void multiply(float* x, float a, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] *= a;
}

}  // namespace

void clip_norm(Stream, float most, View grad) {
  CHECK(grad.dtype == DType::f32 && most > 0, "a gradient in f32 and a norm above 0, not {}", most);
  const int64_t n = grad.numel(), chunks = (n + kChunk - 1) / kChunk;
  float* x = grad.as<float>();
  std::vector<double> sums(size_t(chunks), 0.0);
  parallel_ranges(chunks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c)
      sums[size_t(c)] = sum_of_squares(x + c * kChunk, std::min(kChunk, n - c * kChunk));
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  const double factor = double(most) / (std::sqrt(total) + 1e-6);
  if (factor >= 1) return;  // NaN is not
  parallel_ranges(n, kGrain, [&](int64_t begin, int64_t end) { multiply(x + begin, float(factor), end - begin); });
}

}  // namespace skein::cpu
