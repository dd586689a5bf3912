// A thread computes some neighbouring channels of one pixel: of y from four pixels of x, or of dx from one pixel of dy.
// Bytes: s per element of x and of y, forward and backward, with elements of s bytes.
#include "kernels/average_pool.h"
#include "kernels/cuda/dialect/columns.h"
#include "kernels/cuda/dialect/image_vectors.h"

namespace skein::cuda {
namespace {

template <class T, int kWidth>
__global__ void __launch_bounds__(kBlock)
    average_pool_forward_kernel(const T* x, T* y, ImageVectors large, ImageVectors small) {
  for (uint32_t i = blockIdx.x * kBlock + threadIdx.x; i < small.vectors; i += gridDim.x * kBlock) {
    const ImageVectors::Coordinates p = small.coordinates(i);
    Pack<T, kWidth> v[4];
#pragma unroll
    for (uint32_t t = 0; t < 4; ++t)
      v[t] = load<kWidth>(x + large.index({p.n, 2 * p.h + t / 2, 2 * p.w + t % 2, p.group}) * kWidth);
    float out[kWidth];
#pragma unroll
    for (int k = 0; k < kWidth; ++k) out[k] = 0.25f * ((v[0][k] + v[1][k]) + (v[2][k] + v[3][k]));
    store(y + int64_t{i} * kWidth, out);
  }
}

template <class T, int kWidth>
__global__ void __launch_bounds__(kBlock)
    average_pool_backward_kernel(const T* dy, T* dx, ImageVectors large, ImageVectors small) {
  for (uint32_t i = blockIdx.x * kBlock + threadIdx.x; i < large.vectors; i += gridDim.x * kBlock) {
    const ImageVectors::Coordinates p = large.coordinates(i);
    float out[kWidth] = {};
    if (p.h / 2 < small.height && p.w / 2 < small.width) {
      const Pack<T, kWidth> v = load<kWidth>(dy + small.index({p.n, p.h / 2, p.w / 2, p.group}) * kWidth);
#pragma unroll
      for (int k = 0; k < kWidth; ++k) out[k] = 0.25f * v[k];
    }
    store(dx + int64_t{i} * kWidth, out);
  }
}

void check_average_pool(View x, View y) {
  CHECK(x.dims[0] == y.dims[0] && x.dims[1] / 2 == y.dims[1] && x.dims[2] / 2 == y.dims[2] &&
            x.channels() == y.channels() && x.dtype == y.dtype,
        "({},{},{},{}) average-pooled to ({},{},{},{})", x.dims[0], x.dims[1], x.dims[2], x.dims[3], y.dims[0],
        y.dims[1], y.dims[2], y.dims[3]);
}

}  // namespace

void average_pool_forward(Stream stream, View x, View y) {
  check_average_pool(x, y);
  if (y.numel() == 0) return;
  dispatch_columns(x.dtype, x.channels(), {x.data, y.data}, [&]<class T, int kWidth>() {
    const ImageVectors large(x, kWidth), small(y, kWidth);
    launch(average_pool_forward_kernel<T, kWidth>, grid(small), kBlock, stream, x.as<T>(), y.as<T>(), large, small);
  });
}

void average_pool_backward(Stream stream, View dy, View dx) {
  check_average_pool(dx, dy);
  dispatch_columns(dx.dtype, dx.channels(), {dx.data, dy.data}, [&]<class T, int kWidth>() {
    const ImageVectors large(dx, kWidth), small(dy, kWidth);
    launch(average_pool_backward_kernel<T, kWidth>, grid(large), kBlock, stream, dy.as<T>(), dx.as<T>(), large, small);
  });
}

}  // namespace skein::cuda
