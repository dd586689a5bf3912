// LARS in three kernels: sums of squares per block; one block adds them in order and computes the rate; the gradient is
// scaled. Sums are f32, so a norm below 1e-19 counts as zero. Bytes per element: 20, as value and grad are read twice
// and grad is written.
#include "kernels/cuda/dialect/elementwise.h"
#include "kernels/cuda/dialect/workspace_lock.h"
#include "kernels/device/runtime.h"
#include "kernels/lars.h"

namespace skein::cuda {
namespace {

// partial (blocks, 2)
__global__ void __launch_bounds__(kBlock)
    squares_kernel(const float* value, const float* grad, Split s, float* partial) {
  float sums[2] = {};
  for_numbers<2, true>(s, value, grad, [&](float w, float g) {
    sums[0] += w * w;
    sums[1] += g * g;
  });
  sums[0] = block_sum(sums[0]), sums[1] = block_sum(sums[1]);
  if (threadIdx.x == 0) partial[2 * blockIdx.x] = sums[0], partial[2 * blockIdx.x + 1] = sums[1];
}

__global__ void __launch_bounds__(kBlock) rate_kernel(const float* partial, int blocks, LarsHyper h, float* rate) {
  float values = 0.0f, grads = 0.0f;
  for (int i = int(threadIdx.x); i < blocks; i += kBlock) values += partial[2 * i], grads += partial[2 * i + 1];
  const float value = sqrtf(block_sum(values)), grad = sqrtf(block_sum(grads));
  if (threadIdx.x == 0) *rate = value > 0.0f && grad > 0.0f ? h.eta * value / (grad + h.decay * value) : 1.0f;
}

struct Rescale {
  static constexpr int kWidth = 4, kUnroll = 2;
  const float* value;
  float* grad;
  const float* rate;
  float decay;

  template <int N>
  struct Loaded {
    Pack<float, N> value, grad;
    float rate;
  };
  template <int N>
  __device__ Loaded<N> load(int64_t i) const {
    return {cuda::load<N>(value + i), cuda::load<N>(grad + i), *rate};
  }
  template <int N>
  __device__ void finish(int64_t i, const Loaded<N>& in) const {
    float out[N];
#pragma unroll
    for (int k = 0; k < N; ++k) out[k] = in.rate * (in.grad[k] + decay * in.value[k]);
    store(grad + i, out);
  }
};

}  // namespace

void lars_scale(Stream stream, View value, LarsHyper h, View grad) {
  const int64_t n = value.numel();
  CHECK(grad.numel() == n && value.dtype == DType::f32 && grad.dtype == DType::f32, "{} values, {} gradients", n,
        grad.numel());
  const Split s = split<4>(n, value.as<const float>(), grad.as<const float>());
  const int64_t blocks = std::clamp<int64_t>(ceil_div(n, 16 * kBlock), 1, 2 * multiprocessors());
  const auto held = hold_workspace(stream);
  float* rate = static_cast<float*>(workspace(stream, size_t(2 * blocks + 1) * sizeof(float)));
  float* partial = rate + 1;
  launch(squares_kernel, blocks, kBlock, stream, value.as<float>(), grad.as<float>(), s, partial);
  launch(rate_kernel, 1, kBlock, stream, partial, int(blocks), h, rate);
  elementwise(stream, Rescale{value.as<float>(), grad.as<float>(), rate, h.decay}, s);
}

}  // namespace skein::cuda
