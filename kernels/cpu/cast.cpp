#include "kernels/cast.h"

#include "base/check.h"
#include "base/simd.h"
#include "kernels/cpu/round_to_bf16.h"

namespace skein::cpu {
namespace {

constexpr int64_t kGrain = 4096, kTile = 256;  // numbers

SKEIN_SIMD void widen_range(const Bf16* __restrict from, float* __restrict to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = to_f32(from[i]);
}
SKEIN_SIMD void mean_range(float scale, const Bf16* __restrict parts, int64_t rows, int64_t stride,
                           Bf16* __restrict mean, int64_t n) {
  float sum[kTile];
  for (int64_t i = 0; i < n; ++i) sum[i] = to_f32(parts[i]);
  for (int64_t k = 1; k < rows; ++k)
    for (int64_t i = 0; i < n; ++i) sum[i] += to_f32(parts[k * stride + i]);
  for (int64_t i = 0; i < n; ++i) mean[i] = to_bf16(scale * sum[i]);
}

}  // namespace

SKEIN_SIMD void round_to_bf16(const float* __restrict from, Bf16* __restrict to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = to_bf16(from[i]);
}

void cast(Stream, View from, View to) {
  CHECK(from.numel() == to.numel(), "{} numbers cast to {}", from.numel(), to.numel());
  const bool rounds = from.dtype == DType::f32 && to.dtype == DType::bf16;
  CHECK(rounds || (from.dtype == DType::bf16 && to.dtype == DType::f32), "cast is between f32 and bf16");
  parallel_ranges(from.numel(), kGrain, [&](int64_t b, int64_t e) {
    if (rounds)
      round_to_bf16(from.as<float>() + b, to.as<Bf16>() + b, e - b);
    else
      widen_range(from.as<Bf16>() + b, to.as<float>() + b, e - b);
  });
}

void mean_bf16(Stream, float scale, View parts, View mean) {
  const int64_t n = mean.numel();
  CHECK(parts.channels() == n && parts.dtype == DType::bf16 && mean.dtype == DType::bf16,
        "rows of {} bf16 numbers for a mean of {}", parts.channels(), n);
  parallel_ranges(n, kGrain, [&](int64_t b, int64_t e) {
    for (int64_t i = b; i < e; i += kTile)
      mean_range(scale, parts.as<Bf16>() + i, parts.rows(), n, mean.as<Bf16>() + i, std::min(kTile, e - i));
  });
}

}  // namespace skein::cpu
