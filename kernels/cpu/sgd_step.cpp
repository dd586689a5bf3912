#include "kernels/sgd_step.h"

#include "base/check.h"
#include "base/simd.h"
#include "kernels/cpu/round_to_bf16.h"

namespace skein::cpu {
namespace {

template <bool kNesterov, bool kSign>
[[gnu::always_inline]] inline void step(float* __restrict value, const float* __restrict grad,
                                        float* __restrict velocity, float rate, float momentum, float decay,
                                        int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const float g = grad[i] + decay * value[i];
    const float v = momentum * velocity[i] + g;
    velocity[i] = v;
    const float step = kNesterov ? g + momentum * v : v;
    value[i] -= rate * (!kSign ? step : step > 0.0f ? 1.0f : step < 0.0f ? -1.0f : step);  // NaN stays NaN
  }
}

SKEIN_SIMD void step_range(float* value, const float* grad, float* velocity, float rate, SgdHyper h, float decay,
                           int64_t n) {
  if (h.nesterov)
    h.sign ? step<true, true>(value, grad, velocity, rate, h.momentum, decay, n)
           : step<true, false>(value, grad, velocity, rate, h.momentum, decay, n);
  else
    h.sign ? step<false, true>(value, grad, velocity, rate, h.momentum, decay, n)
           : step<false, false>(value, grad, velocity, rate, h.momentum, decay, n);
}

}  // namespace

void sgd_step(Stream, View value, View grad, View velocity, View shadow, const float* rate, SgdHyper h,
              int64_t decayed) {
  const int64_t n = value.numel();
  CHECK(grad.numel() == n && velocity.numel() == n && decayed <= n, "{} values, {} gradients, {} velocities", n,
        grad.numel(), velocity.numel());
  CHECK(!shadow || (shadow.numel() == n && shadow.dtype == DType::bf16), "a shadow is {} numbers in bf16", n);
  parallel_ranges(n, 4096, [&](int64_t begin, int64_t end) {
    auto run = [&](int64_t b, int64_t e, float decay) {
      if (b < e)
        step_range(value.as<float>() + b, grad.as<float>() + b, velocity.as<float>() + b, *rate, h, decay, e - b);
    };
    const int64_t boundary = std::clamp(decayed, begin, end);
    run(begin, boundary, h.decay);
    run(boundary, end, 0.0f);
    if (shadow) round_to_bf16(value.as<float>() + begin, shadow.as<Bf16>() + begin, end - begin);
  });
}

}  // namespace skein::cpu
