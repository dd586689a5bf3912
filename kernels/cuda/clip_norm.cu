// Three kernels: sums of squares per block; one block adds them in order and computes the factor; the gradient is
// scaled. Sums are f32, so a norm above 1.8e19 counts as infinite. Bytes per element: 12, as grad is read twice and
// written.
#include "kernels/clip_norm.h"
#include "kernels/cuda/dialect/elementwise.h"
#include "kernels/cuda/dialect/workspace_lock.h"
#include "kernels/device/runtime.h"

namespace skein::cuda {
namespace {

// partial (blocks)
__global__ void __launch_bounds__(kBlock) clip_squares_kernel(const float* grad, Split s, float* partial) {
  float sum = 0.0f;
  for_numbers<4, false>(s, grad, nullptr, [&](float g, float) { sum += g * g; });
  sum = block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(kBlock)
    clip_factor_kernel(const float* partial, int blocks, float most, float* factor) {
  float sum = 0.0f;
  for (int i = int(threadIdx.x); i < blocks; i += kBlock) sum += partial[i];
  const float f = most / (sqrtf(block_sum(sum)) + 1e-6f);
  if (threadIdx.x == 0) *factor = f >= 1.0f ? 1.0f : f;  // NaN stays NaN
}

struct Clip {
  static constexpr int kWidth = 4, kUnroll = 4;
  float* grad;
  const float* factor;

  template <int N>
  struct Loaded {
    Pack<float, N> grad;
    float factor;
  };
  template <int N>
  __device__ Loaded<N> load(int64_t i) const {
    return {cuda::load<N>(grad + i), *factor};
  }
  template <int N>
  __device__ void finish(int64_t i, const Loaded<N>& in) const {
    float out[N];
#pragma unroll
    for (int k = 0; k < N; ++k) out[k] = in.factor * in.grad[k];
    store(grad + i, out);
  }
};

}  // namespace

void clip_norm(Stream stream, float most, View grad) {
  CHECK(grad.dtype == DType::f32 && most > 0, "a gradient in f32 and a norm above 0, not {}", most);
  const int64_t n = grad.numel();
  const Split s = split<4>(n, grad.as<const float>());
  const int64_t blocks = std::clamp<int64_t>(ceil_div(n, 16 * kBlock), 1, 4 * multiprocessors());
  const auto held = hold_workspace(stream);
  float* factor = static_cast<float*>(workspace(stream, size_t(blocks + 1) * sizeof(float)));
  launch(clip_squares_kernel, blocks, kBlock, stream, grad.as<float>(), s, factor + 1);
  launch(clip_factor_kernel, 1, kBlock, stream, factor + 1, int(blocks), most, factor);
  elementwise(stream, Clip{grad.as<float>(), factor}, s);
}

}  // namespace skein::cuda
