#include "kernels/all_sum.h"

#include <type_traits>
#include <vector>

#include "base/check.h"
#include "base/simd.h"

namespace skein::cpu {
namespace {

// Floats summed at a time, in registers. They are written back while the operands are still in L1, so memory traffic is
// one read and one write of each view. Large views have the same alignment, so the same element of each maps to the
// same L1 set: with many views only one 64-byte line of each stays there long enough.
constexpr int64_t kBlock = 64, kNarrowBlock = 16, kManyViews = 9;
constexpr int64_t kGrain = 4096;

template <class Floats>
[[gnu::always_inline]] inline void sum_block(const float* const* from, int64_t views, float* const* to, int64_t targets,
                                             float scale, int64_t i, Floats n) {
  float sums[kBlock];
  for (int64_t j = 0; j < n; ++j) sums[j] = from[0][i + j];
  for (int64_t k = 1; k < views; ++k) {
    const float* x = from[k] + i;
    for (int64_t j = 0; j < n; ++j) sums[j] += x[j];
  }
  for (int64_t j = 0; j < n; ++j) sums[j] *= scale;
  for (int64_t k = 0; k < targets; ++k) {
    float* y = to[k] + i;
    for (int64_t j = 0; j < n; ++j) y[j] = sums[j];
  }
}

template <int64_t kFloats>
[[gnu::always_inline]] inline void sum_blocks(const float* const* from, int64_t views, float* const* to,
                                              int64_t targets, float scale, int64_t begin, int64_t end) {
  int64_t i = begin;
  for (; i + kFloats <= end; i += kFloats)
    sum_block(from, views, to, targets, scale, i, std::integral_constant<int64_t, kFloats>{});
  if (i < end) sum_block(from, views, to, targets, scale, i, end - i);
}

SKEIN_SIMD void sum_range(const float* const* from, int64_t views, float* const* to, int64_t targets, float scale,
                          int64_t begin, int64_t end) {
  if (views < kManyViews)
    sum_blocks<kBlock>(from, views, to, targets, scale, begin, end);
  else
    sum_blocks<kNarrowBlock>(from, views, to, targets, scale, begin, end);
}

std::vector<float*> pointers(std::span<const View> views) {
  std::vector<float*> out;
  for (const View& v : views) {
    CHECK(v.dtype == DType::f32 && v.numel() == views[0].numel(), "views of {} and {} elements", views[0].numel(),
          v.numel());
    out.push_back(v.as<float>());
  }
  return out;
}

}  // namespace

void sum_to_all(Stream, std::span<const View> all, int64_t begin, int64_t end, float scale) {
  const std::vector<float*> x = pointers(all);
  CHECK(!x.empty() && 0 <= begin && begin <= end && end <= all[0].numel(), "[{}, {}) of {} views", begin, end,
        x.size());
  parallel_ranges(end - begin, kGrain, [&](int64_t b, int64_t e) {
    sum_range(x.data(), int64_t(x.size()), x.data(), int64_t(x.size()), scale, begin + b, begin + e);
  });
}

void sum_to_one(Stream, std::span<const View> all, float scale, View to) {
  const std::vector<float*> x = pointers(all);
  CHECK(!x.empty() && to.numel() == all[0].numel(), "{} views into {} elements", x.size(), to.numel());
  float* const target = to.as<float>();
  parallel_ranges(to.numel(), kGrain,
                  [&](int64_t b, int64_t e) { sum_range(x.data(), int64_t(x.size()), &target, 1, scale, b, e); });
}

}  // namespace skein::cpu
