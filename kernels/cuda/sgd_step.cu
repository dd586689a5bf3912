// A thread updates eight elements, so that their bf16 shadow is one 16-byte access and six loads are in flight. Bytes
// per element: 20, reads value, grad, velocity, writes value, velocity; with a shadow 22.
#include "kernels/cuda/dialect/elementwise.h"
#include "kernels/sgd_step.h"

namespace skein::cuda {
namespace {

template <bool kShadow>
struct Step {
  static constexpr int kWidth = 8, kUnroll = 1;
  float* value;
  const float* grad;
  float* velocity;
  Bf16* shadow;
  const float* rate;
  SgdHyper h;
  int64_t decayed;

  template <int N>
  struct Loaded {
    Pack<float, N> value, grad, velocity;
    float rate;
  };
  template <int N>
  __device__ Loaded<N> load(int64_t i) const {
    return {cuda::load<N>(value + i), cuda::load<N>(grad + i), cuda::load<N>(velocity + i), *rate};
  }
  // Operations and their order are those of kernels/cpu/sgd_step.cpp, so the result has the same bits.
  template <int N>
  __device__ void finish(int64_t i, const Loaded<N>& in) const {
    float v[N], w[N];
#pragma unroll
    for (int k = 0; k < N; ++k) {
      const float g = in.grad[k] + (i + k < decayed ? h.decay : 0.0f) * in.value[k];
      v[k] = h.momentum * in.velocity[k] + g;
      const float step = h.nesterov ? g + h.momentum * v[k] : v[k];
      w[k] = in.value[k] - in.rate * (!h.sign ? step : step > 0.0f ? 1.0f : step < 0.0f ? -1.0f : step);
    }
    store(velocity + i, v);
    store(value + i, w);
    if constexpr (kShadow) store(shadow + i, w);
  }
};

}  // namespace

void sgd_step(Stream stream, View value, View grad, View velocity, View shadow, const float* rate, SgdHyper h,
              int64_t decayed) {
  const int64_t n = value.numel();
  CHECK(grad.numel() == n && velocity.numel() == n && decayed <= n, "{} values, {} gradients, {} velocities", n,
        grad.numel(), velocity.numel());
  CHECK(!shadow || (shadow.numel() == n && shadow.dtype == DType::bf16), "a shadow is {} numbers in bf16", n);
  const auto step = [&]<bool kShadow>() {
    const Step<kShadow> op{
        value.as<float>(), grad.as<float>(), velocity.as<float>(), shadow.as<Bf16>(), rate, h, decayed};
    elementwise(stream, op, n, op.value, op.grad, op.velocity, op.shadow);
  };
  shadow ? step.template operator()<true>() : step.template operator()<false>();
}

}  // namespace skein::cuda
