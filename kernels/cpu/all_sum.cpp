#include "kernels/all_sum.h"

#include <vector>

#include "base/check.h"
#include "base/simd.h"
#include "kernels/cpu/dialect/bf16_vector.h"

namespace skein::cpu {
namespace {

constexpr int64_t kGrain = 4096;

// Sums of one block stay in registers: kVectors vectors of kLanes floats. They are written back while the operands are
// still in L1, so memory traffic is one read and one write of each view. Arrays of floats in their place are kept in
// memory by g++ and clang++: views that have the same alignment then wait for each other's stores.
constexpr int64_t kLanes = 16, kVectors = 4, kBlock = kVectors * kLanes;
using Lanes = VectorOf<float, kLanes>::Type;

[[gnu::always_inline]] inline void add(Lanes& sum, const float* x) {
  Lanes v;
  __builtin_memcpy(&v, x, sizeof v);
  sum += v;
}

[[gnu::always_inline]] inline void sum_block(const float* const* from, int64_t views, float* const* to, int64_t targets,
                                             float scale, int64_t i) {
  Lanes sums[kVectors];
  for (int64_t v = 0; v < kVectors; ++v) __builtin_memcpy(&sums[v], from[0] + i + v * kLanes, sizeof sums[v]);
  for (int64_t k = 1; k < views; ++k)
    for (int64_t v = 0; v < kVectors; ++v) add(sums[v], from[k] + i + v * kLanes);
  for (int64_t v = 0; v < kVectors; ++v) sums[v] *= scale;
  for (int64_t k = 0; k < targets; ++k)
    for (int64_t v = 0; v < kVectors; ++v) __builtin_memcpy(to[k] + i + v * kLanes, &sums[v], sizeof sums[v]);
}

SKEIN_SIMD void sum_range(const float* const* from, int64_t views, float* const* to, int64_t targets, float scale,
                          int64_t begin, int64_t end) {
  int64_t i = begin;
  for (; i + kBlock <= end; i += kBlock) sum_block(from, views, to, targets, scale, i);
  for (; i < end; ++i) {
    float sum = from[0][i];
    for (int64_t k = 1; k < views; ++k) sum += from[k][i];
    sum *= scale;
    for (int64_t k = 0; k < targets; ++k) to[k][i] = sum;
  }
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
