#include "kernels/lars.h"

#include <cmath>

#include "base/check.h"
#include "base/simd.h"
#include "kernels/cpu/dialect/sum_of_squares.h"

namespace skein::cpu {
namespace {

constexpr int64_t kGrain = 4096;  // elements per thread at least

SKEIN_SIMD void scale_range(const float* __restrict value, float* __restrict grad, float rate, float decay, int64_t n) {
  for (int64_t i = 0; i < n; ++i) grad[i] = rate * (grad[i] + decay * value[i]);
}

struct Norms {
  double value = 0, grad = 0;
};

Norms norms(const float* value, const float* grad, int64_t n) {
  Norms chunks[kLarsChunks];
  const auto sum = [&](int64_t c) {
    const int64_t begin = n * c / kLarsChunks, end = n * (c + 1) / kLarsChunks;
    chunks[c] = {sum_of_squares(value + begin, end - begin), sum_of_squares(grad + begin, end - begin)};
  };
  parallel_ranges(kLarsChunks, n < kGrain ? kLarsChunks : 1, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) sum(c);
  });
  Norms total;
  for (const Norms& c : chunks) total = {total.value + c.value, total.grad + c.grad};
  return {std::sqrt(total.value), std::sqrt(total.grad)};
}

}  // namespace

void lars_scale(Stream, View value, LarsHyper h, View grad) {
  const int64_t n = value.numel();
  CHECK(grad.numel() == n, "{} values, {} gradients", n, grad.numel());
  const Norms norm = norms(value.as<float>(), grad.as<float>(), n);
  const bool adapt = norm.value > 0 && norm.grad > 0;
  const double rate = adapt ? double(h.eta) * norm.value / (norm.grad + double(h.decay) * norm.value) : 1.0;
  parallel_ranges(n, kGrain, [&](int64_t begin, int64_t end) {
    scale_range(value.as<float>() + begin, grad.as<float>() + begin, float(rate), h.decay, end - begin);
  });
}

}  // namespace skein::cpu
