// A thread computes some neighbouring channels of one pixel: of y from four pixels of x, or of dx from one pixel of dy.
// Bytes: s per element of x and of y, forward and backward, with elements of s bytes.
#include "kernels/average_pool.h"
#include "kernels/cuda/dialect/columns.h"
#include "kernels/cuda/dialect/elementwise.h"

namespace skein::cuda {
namespace {

// Index arithmetic of the result, whose pixels the threads compute, and of the source that they read.
struct Pixels {
  Divider by_groups, by_width, by_height;  // of the result: one thread per vector
  int64_t groups, source_height, source_width, vectors;

  Pixels(View result, View source, int kWidth)
      : by_groups(result.channels() / kWidth),
        by_width(result.dims[2]),
        by_height(result.dims[1]),
        groups(result.channels() / kWidth),
        source_height(source.dims[1]),
        source_width(source.dims[2]),
        vectors(result.numel() / kWidth) {
    CHECK(vectors < (int64_t{1} << 31), "{} vectors are more than 32 bits count", vectors);
  }
  struct Coordinates {
    uint32_t n, h, w, group;
  };
  __device__ Coordinates coordinates(uint32_t i) const {
    const auto [pixel, group] = by_groups.divide(i);
    const auto [line, w] = by_width.divide(pixel);
    const auto [n, h] = by_height.divide(line);
    return {n, h, w, group};
  }
  __device__ int64_t source_index(const Coordinates& p, uint32_t h, uint32_t w) const {
    return ((p.n * source_height + h) * source_width + w) * groups + p.group;
  }
};

template <class T, int kWidth>
__global__ void __launch_bounds__(kBlock) average_pool_forward_kernel(const T* x, T* y, Pixels at) {
  for (uint32_t i = blockIdx.x * kBlock + threadIdx.x; i < at.vectors; i += gridDim.x * kBlock) {
    const Pixels::Coordinates p = at.coordinates(i);
    Pack<T, kWidth> v[4];
#pragma unroll
    for (int t = 0; t < 4; ++t) v[t] = load<kWidth>(x + at.source_index(p, 2 * p.h + t / 2, 2 * p.w + t % 2) * kWidth);
    float out[kWidth];
#pragma unroll
    for (int k = 0; k < kWidth; ++k) out[k] = 0.25f * ((v[0][k] + v[1][k]) + (v[2][k] + v[3][k]));
    store(y + int64_t{i} * kWidth, out);
  }
}

template <class T, int kWidth>
__global__ void __launch_bounds__(kBlock) average_pool_backward_kernel(const T* dy, T* dx, Pixels at) {
  for (uint32_t i = blockIdx.x * kBlock + threadIdx.x; i < at.vectors; i += gridDim.x * kBlock) {
    const Pixels::Coordinates p = at.coordinates(i);
    float out[kWidth] = {};
    if (p.h / 2 < at.source_height && p.w / 2 < at.source_width) {
      const Pack<T, kWidth> v = load<kWidth>(dy + at.source_index(p, p.h / 2, p.w / 2) * kWidth);
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

int64_t grid(const Pixels& p) { return streaming_grid(ceil_div(p.vectors, kBlock)); }

}  // namespace

void average_pool_forward(Stream stream, View x, View y) {
  check_average_pool(x, y);
  if (y.numel() == 0) return;
  dispatch_columns(x.dtype, x.channels(), {x.data, y.data}, [&]<class T, int kWidth>() {
    const Pixels at(y, x, kWidth);
    launch(average_pool_forward_kernel<T, kWidth>, grid(at), kBlock, stream, x.as<T>(), y.as<T>(), at);
  });
}

void average_pool_backward(Stream stream, View dy, View dx) {
  check_average_pool(dx, dy);
  dispatch_columns(dx.dtype, dx.channels(), {dx.data, dy.data}, [&]<class T, int kWidth>() {
    const Pixels at(dx, dy, kWidth);
    launch(average_pool_backward_kernel<T, kWidth>, grid(at), kBlock, stream, dy.as<T>(), dx.as<T>(), at);
  });
}

}  // namespace skein::cuda
