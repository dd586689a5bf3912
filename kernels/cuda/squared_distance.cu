// Two kernels: sums of squared differences per block; one block adds them in
// order. Bytes per element: 8, or 4 without the second vector.
#include "kernels/cuda/dialect/elementwise.h"
#include "kernels/cuda/dialect/workspace_lock.h"
#include "kernels/device/runtime.h"
#include "kernels/squared_distance.h"

namespace skein::cuda {
namespace {

// partial (blocks). Without kTwo there is no y.
template <bool kTwo>
__global__ void __launch_bounds__(kBlock)
    distance_blocks_kernel(const float* x, const float* y, Split s, float* partial) {
  float sum = 0.0f;
  for_numbers<2, kTwo>(s, x, y, [&](float a, float b) { sum += (a - b) * (a - b); });
  sum = block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(kBlock) distance_sum_kernel(const float* partial, int blocks, float* total) {
  float sum = 0.0f;
  for (int i = int(threadIdx.x); i < blocks; i += kBlock) sum += partial[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *total = sum;
}

}  // namespace

void squared_distance(Stream stream, View x, View y, View sum) {
  const int64_t n = x.numel();
  CHECK(x.dtype == DType::f32 && sum.numel() == 1 && (!y || y.numel() == n), "vectors in f32 of {} and {} numbers", n,
        y.numel());
  const Split s = split<4>(n, x.as<const float>(), y.as<const float>());
  const int64_t blocks = std::clamp<int64_t>(ceil_div(n, 16 * kBlock), 1, 4 * multiprocessors());
  const auto held = hold_workspace(stream);
  float* partial = static_cast<float*>(workspace(stream, size_t(blocks) * sizeof(float)));
  launch(y ? distance_blocks_kernel<true> : distance_blocks_kernel<false>, blocks, kBlock, stream, x.as<float>(),
         y.as<float>(), s, partial);
  launch(distance_sum_kernel, 1, kBlock, stream, partial, int(blocks), sum.as<float>());
}

}  // namespace skein::cuda
