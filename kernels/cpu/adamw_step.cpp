#include "kernels/adamw_step.h"

#include <cmath>

#include "base/check.h"
#include "base/simd.h"
#include "kernels/cpu/round_to_bf16.h"

namespace skein::cpu {
namespace {

struct Range {
  float* __restrict value;
  const float* __restrict grad;
  float* __restrict first;
  float* __restrict second;
};

SKEIN_SIMD void step_range(Range r, AdamwTerms t, float keep, AdamwHyper h, int64_t n) {
  const float new1 = float(1.0 - h.beta1), old2 = float(h.beta2), new2 = float(1.0 - h.beta2);
  const float epsilon = float(h.epsilon);
  for (int64_t i = 0; i < n; ++i) {
    const float g = r.grad[i];
    const float m = r.first[i] + new1 * (g - r.first[i]), v = old2 * r.second[i] + new2 * g * g;
    r.first[i] = m;
    r.second[i] = v;
    r.value[i] = r.value[i] * keep - t.rate * (m / (std::sqrt(v) / t.root + epsilon));
  }
}

}  // namespace

void adamw_step(Stream, View value, View grad, View first, View second, View shadow, View steps, const float* rate,
                AdamwHyper h, int64_t decayed) {
  const int64_t n = value.numel();
  CHECK(grad.numel() == n && first.numel() == n && second.numel() == n && decayed <= n,
        "{} values, {} gradients, {} and {} moments", n, grad.numel(), first.numel(), second.numel());
  CHECK(!shadow || (shadow.numel() == n && shadow.dtype == DType::bf16), "a shadow is {} numbers in bf16", n);
  CHECK(steps.dtype == DType::f32 && steps.numel() == 1, "steps is one number in f32");
  const float t = *steps.as<float>() += 1.0f;
  const AdamwTerms terms = adamw_terms(AdamwConstants(h), *rate, t);
  parallel_ranges(n, 4096, [&](int64_t begin, int64_t end) {
    auto run = [&](int64_t b, int64_t e, float keep) {
      if (b < e)
        step_range({value.as<float>() + b, grad.as<float>() + b, first.as<float>() + b, second.as<float>() + b}, terms,
                   keep, h, e - b);
    };
    const int64_t boundary = std::clamp(decayed, begin, end);
    run(begin, boundary, terms.keep);
    run(boundary, end, 1.0f);
    if (shadow) round_to_bf16(value.as<float>() + begin, shadow.as<Bf16>() + begin, end - begin);
  });
}

}  // namespace skein::cpu
