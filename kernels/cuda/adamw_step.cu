// One thread computes the terms that all elements share; then a thread updates four elements. Bytes per element: 28,
// reads value, grad and both moments, writes value and moments; with a shadow 30.
#include "kernels/adamw_step.h"
#include "kernels/cuda/dialect/elementwise.h"
#include "kernels/cuda/dialect/workspace_lock.h"
#include "kernels/device/runtime.h"

namespace skein::cuda {
namespace {

__global__ void adamw_terms_kernel(AdamwConstants c, const float* rate, float* steps, AdamwTerms* terms) {
  const float t = *steps + 1.0f;
  *steps = t;
  *terms = adamw_terms(c, *rate, t);
}

template <bool kShadow>
struct Adamw {
  static constexpr int kWidth = 4, kUnroll = 1;
  float* value;
  const float* grad;
  float *first, *second;
  Bf16* shadow;
  const AdamwTerms* terms;
  float new1, old2, new2, epsilon;
  int64_t decayed;

  template <int N>
  struct Loaded {
    Pack<float, N> value, grad, first, second;
    AdamwTerms terms;
  };
  template <int N>
  __device__ Loaded<N> load(int64_t i) const {
    return {cuda::load<N>(value + i), cuda::load<N>(grad + i), cuda::load<N>(first + i), cuda::load<N>(second + i),
            *terms};
  }
  // Operations and their order are those of kernels/cpu/adamw_step.cpp.
  template <int N>
  __device__ void finish(int64_t i, const Loaded<N>& in) const {
    float m[N], v[N], w[N];
#pragma unroll
    for (int k = 0; k < N; ++k) {
      const float g = in.grad[k];
      m[k] = in.first[k] + new1 * (g - in.first[k]);
      v[k] = old2 * in.second[k] + new2 * g * g;
      const float step = m[k] / (sqrtf(v[k]) / in.terms.root + epsilon);
      w[k] = in.value[k] * (i + k < decayed ? in.terms.keep : 1.0f) - in.terms.rate * step;
    }
    store(first + i, m);
    store(second + i, v);
    store(value + i, w);
    if constexpr (kShadow) store(shadow + i, w);
  }
};

}  // namespace

void adamw_step(Stream stream, View value, View grad, View first, View second, View shadow, View steps,
                const float* rate, AdamwHyper h, int64_t decayed) {
  const int64_t n = value.numel();
  CHECK(grad.numel() == n && first.numel() == n && second.numel() == n && decayed <= n,
        "{} values, {} gradients, {} and {} moments", n, grad.numel(), first.numel(), second.numel());
  CHECK(!shadow || (shadow.numel() == n && shadow.dtype == DType::bf16), "a shadow is {} numbers in bf16", n);
  CHECK(steps.dtype == DType::f32 && steps.numel() == 1, "steps is one number in f32");
  const auto held = hold_workspace(stream);
  auto* terms = static_cast<AdamwTerms*>(workspace(stream, sizeof(AdamwTerms)));
  launch(adamw_terms_kernel, 1, 1, stream, AdamwConstants(h), rate, steps.as<float>(), terms);
  const auto step = [&]<bool kShadow>() {
    const Adamw<kShadow> op{value.as<float>(),
                            grad.as<float>(),
                            first.as<float>(),
                            second.as<float>(),
                            shadow.as<Bf16>(),
                            terms,
                            float(1.0 - h.beta1),
                            float(h.beta2),
                            float(1.0 - h.beta2),
                            float(h.epsilon),
                            decayed};
    elementwise(stream, op, n, op.value, op.grad, op.first, op.second, op.shadow);
  };
  shadow ? step.template operator()<true>() : step.template operator()<false>();
}

}  // namespace skein::cuda
