#include "kernels/vector.h"

#include "base/check.h"
#include "base/simd.h"

namespace skein::cpu {
namespace {

constexpr int64_t kGrain = 4096;  // elements per thread at least

void check_f32(View x) { CHECK(x.dtype == DType::f32, "the CPU computes in f32, not in type {}", int(x.dtype)); }

void same_size(View a, View b) {
  check_f32(a), check_f32(b);
  CHECK(a.numel() == b.numel(), "{} and {} elements", a.numel(), b.numel());
}

SKEIN_SIMD void fill_range(float a, float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] = a;
}
SKEIN_SIMD void axpy_range(float a, const float* __restrict x, float* __restrict y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] += a * x[i];
}
SKEIN_SIMD void add_range(const float* x, const float* y, float* z, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) z[i] = x[i] + y[i];
}
SKEIN_SIMD void sub_range(const float* x, const float* y, float* z, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) z[i] = x[i] - y[i];
}
SKEIN_SIMD void scale_range(float a, float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] *= a;
}
SKEIN_SIMD void ema_range(float kept, float fresh, const float* __restrict x, float* __restrict y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = kept * y[i] + fresh * x[i];
}
SKEIN_SIMD void relu_forward_range(const float* x, float* y, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] < 0.0f ? 0.0f : x[i];
}
SKEIN_SIMD void relu_backward_range(const float* y, const float* dy, float* dx, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) dx[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

}  // namespace

void fill(Stream, float a, View x) {
  check_f32(x);
  parallel_ranges(x.numel(), kGrain, [&](int64_t b, int64_t e) { fill_range(a, x.as<float>() + b, e - b); });
}

void axpy(Stream, float a, View x, View y) {
  same_size(x, y);
  parallel_ranges(x.numel(), kGrain,
                  [&](int64_t b, int64_t e) { axpy_range(a, x.as<float>() + b, y.as<float>() + b, e - b); });
}

void add(Stream, View x, View y, View z) {
  same_size(x, y), same_size(x, z);
  parallel_ranges(x.numel(), kGrain, [&](int64_t b, int64_t e) {
    add_range(x.as<float>() + b, y.as<float>() + b, z.as<float>() + b, e - b);
  });
}

void sub(Stream, View x, View y, View z) {
  same_size(x, y), same_size(x, z);
  parallel_ranges(x.numel(), kGrain, [&](int64_t b, int64_t e) {
    sub_range(x.as<float>() + b, y.as<float>() + b, z.as<float>() + b, e - b);
  });
}

void scale(Stream, float a, View x) {
  check_f32(x);
  parallel_ranges(x.numel(), kGrain, [&](int64_t b, int64_t e) { scale_range(a, x.as<float>() + b, e - b); });
}

void ema(Stream, double decay, View x, View y) {
  same_size(x, y);
  const float kept = float(decay), fresh = float(1.0 - decay);
  parallel_ranges(x.numel(), kGrain,
                  [&](int64_t b, int64_t e) { ema_range(kept, fresh, x.as<float>() + b, y.as<float>() + b, e - b); });
}

void relu_forward(Stream, View x, View y) {
  same_size(x, y);
  parallel_ranges(x.numel(), kGrain,
                  [&](int64_t b, int64_t e) { relu_forward_range(x.as<float>() + b, y.as<float>() + b, e - b); });
}

void relu_backward(Stream, View y, View dy, View dx) {
  same_size(y, dy), same_size(y, dx);
  parallel_ranges(y.numel(), kGrain, [&](int64_t b, int64_t e) {
    relu_backward_range(y.as<float>() + b, dy.as<float>() + b, dx.as<float>() + b, e - b);
  });
}

}  // namespace skein::cpu
