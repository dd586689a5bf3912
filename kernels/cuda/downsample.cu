// A thread copies 16 bytes of one pixel at a time, or writes zeros. Bytes, with elements of s bytes: forward s per
// element of y and per element of x that is kept; backward s per element of dx and per element of dy that is read.
#include <numeric>

#include "kernels/cuda/dialect/columns.h"
#include "kernels/cuda/dialect/image_vectors.h"
#include "kernels/downsample.h"

namespace skein::cuda {
namespace {

constexpr int kUnroll = 4;

// to[i] = vector source(i) of `from`, or zeros where source(i) is -1.
template <int kWidth, class T, class Source>
__device__ void copy_vectors(const T* from, T* to, uint32_t vectors, Source&& source) {
#pragma unroll 1
  for (uint32_t tile = blockIdx.x * (kBlock * kUnroll); tile < vectors; tile += gridDim.x * (kBlock * kUnroll)) {
    const uint32_t first = tile + threadIdx.x;
    Pack<T, kWidth> loaded[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      loaded[u] = {};
      if (first + u * kBlock >= vectors) continue;
      const int64_t i = source(first + u * kBlock);
      if (i >= 0) loaded[u] = load<kWidth>(from + i * kWidth);
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u)
      if (first + u * kBlock < vectors) store(to + int64_t{first + u * kBlock} * kWidth, loaded[u]);
  }
}

template <class T, int kWidth>
__global__ void __launch_bounds__(kBlock)
    downsample_forward_kernel(const T* x, T* y, ImageVectors large, ImageVectors small, uint32_t stride) {
  copy_vectors<kWidth>(x, y, uint32_t(small.vectors), [&](uint32_t i) -> int64_t {
    const ImageVectors::Coordinates p = small.coordinates(i);
    if (p.group >= large.groups) return -1;
    return large.index({p.n, p.h * stride, p.w * stride, p.group});
  });
}

template <class T, int kWidth>
__global__ void __launch_bounds__(kBlock)
    downsample_backward_kernel(const T* dy, T* dx, ImageVectors large, ImageVectors small, Divider stride) {
  copy_vectors<kWidth>(dy, dx, uint32_t(large.vectors), [&](uint32_t i) -> int64_t {
    const ImageVectors::Coordinates p = large.coordinates(i);
    const auto h = stride.divide(p.h), w = stride.divide(p.w);
    if (h.remainder != 0 || w.remainder != 0) return -1;
    return small.index({p.n, h.quotient, w.quotient, p.group});
  });
}

void check(View large, View small, int64_t stride) {
  const int64_t height = large.dims[1], width = large.dims[2];
  CHECK(small.dims[0] == large.dims[0] && small.dims[1] == ceil_div(height, stride) &&
            small.dims[2] == ceil_div(width, stride) && small.channels() >= large.channels() &&
            small.dtype == large.dtype,
        "{}x{}x{} by {} does not give {}x{}x{}", height, width, large.channels(), stride, small.dims[1], small.dims[2],
        small.channels());
}

}  // namespace

void downsample_forward(Stream stream, View x, int64_t stride, View y) {
  check(x, y, stride);
  dispatch_columns(x.dtype, std::gcd(x.channels(), y.channels()), {x.data, y.data}, [&]<class T, int kWidth>() {
    const ImageVectors large(x, kWidth), small(y, kWidth);
    launch(downsample_forward_kernel<T, kWidth>, grid(small, kUnroll), kBlock, stream, x.as<T>(), y.as<T>(), large,
           small, uint32_t(stride));
  });
}

void downsample_backward(Stream stream, View dy, int64_t stride, View dx) {
  check(dx, dy, stride);
  dispatch_columns(dx.dtype, std::gcd(dx.channels(), dy.channels()), {dx.data, dy.data}, [&]<class T, int kWidth>() {
    const ImageVectors large(dx, kWidth), small(dy, kWidth);
    launch(downsample_backward_kernel<T, kWidth>, grid(large, kUnroll), kBlock, stream, dy.as<T>(), dx.as<T>(), large,
           small, Divider(stride));
  });
}

}  // namespace skein::cuda
