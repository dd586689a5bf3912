// A thread computes some neighbouring channels of one pixel: of y from nine pixels of x, or of dx from the at most four
// windows that contain it. Bytes: s per element of x and s + 1 per element of y (with the index), forward and backward,
// with elements of s bytes.
#include "kernels/cuda/dialect/columns.h"
#include "kernels/cuda/dialect/image_vectors.h"
#include "kernels/max_pool.h"

namespace skein::cuda {
namespace {

// Indices of kWidth maxima within their windows, one byte each, as one access.
template <int kWidth>
struct alignas(kWidth) Taps {
  uint8_t t[kWidth];
};

template <class T, int kWidth>
__global__ void __launch_bounds__(kBlock)
    max_pool_forward_kernel(const T* x, T* y, uint8_t* indices, ImageVectors large, ImageVectors small) {
  for (uint32_t i = blockIdx.x * kBlock + threadIdx.x; i < small.vectors; i += gridDim.x * kBlock) {
    const ImageVectors::Coordinates p = small.coordinates(i);
    float best[kWidth];
    Taps<kWidth> taps;
    bool first = true;
#pragma unroll
    for (int t = 0; t < 9; ++t) {
      const int a = int(2 * p.h) + t / 3 - 1, b = int(2 * p.w) + t % 3 - 1;
      if (a < 0 || a >= int(large.height) || b < 0 || b >= int(large.width)) continue;
      const Pack<T, kWidth> v = load<kWidth>(x + large.index({p.n, uint32_t(a), uint32_t(b), p.group}) * kWidth);
#pragma unroll
      for (int k = 0; k < kWidth; ++k) {
        const bool larger = first || v[k] > best[k] || v[k] != v[k];
        best[k] = larger ? v[k] : best[k];
        taps.t[k] = larger ? uint8_t(t) : taps.t[k];
      }
      first = false;
    }
    store(y + int64_t{i} * kWidth, best);
    if (indices) *reinterpret_cast<Taps<kWidth>*>(indices + int64_t{i} * kWidth) = taps;
  }
}

template <class T, int kWidth>
__global__ void __launch_bounds__(kBlock)
    max_pool_backward_kernel(const T* dy, const uint8_t* indices, T* dx, ImageVectors large, ImageVectors small) {
  for (uint32_t i = blockIdx.x * kBlock + threadIdx.x; i < large.vectors; i += gridDim.x * kBlock) {
    const ImageVectors::Coordinates p = large.coordinates(i);
    float sum[kWidth] = {};
#pragma unroll
    for (uint32_t window = 0; window < 4; ++window) {
      const uint32_t oh = p.h / 2 + window / 2, ow = p.w / 2 + window % 2;
      const int row = int(p.h - 2 * oh) + 1, column = int(p.w - 2 * ow) + 1;  // position in the window
      if (row < 0 || column < 0 || oh >= small.height || ow >= small.width) continue;
      const int64_t from = small.index({p.n, oh, ow, p.group}) * kWidth;
      const Pack<T, kWidth> v = load<kWidth>(dy + from);
      const Taps<kWidth> taps = *reinterpret_cast<const Taps<kWidth>*>(indices + from);
#pragma unroll
      for (int k = 0; k < kWidth; ++k) sum[k] += taps.t[k] == 3 * row + column ? v[k] : 0.0f;
    }
    store(dx + int64_t{i} * kWidth, sum);
  }
}

void check(View x, View y, View indices) {
  CHECK(x.dims[0] == y.dims[0] && max_pooled(x.dims[1]) == y.dims[1] && max_pooled(x.dims[2]) == y.dims[2] &&
            x.channels() == y.channels() && x.dtype == y.dtype,
        "({},{},{},{}) max-pooled to ({},{},{},{})", x.dims[0], x.dims[1], x.dims[2], x.dims[3], y.dims[0], y.dims[1],
        y.dims[2], y.dims[3]);
  CHECK(!indices || (indices.dtype == DType::u8 && indices.numel() == y.numel()), "taps of {} maxima, {} outputs",
        indices.numel(), y.numel());
}

}  // namespace

void max_pool_forward(Stream stream, View x, View y, View indices) {
  check(x, y, indices);
  dispatch_columns(x.dtype, x.channels(), {x.data, y.data, indices.data}, [&]<class T, int kWidth>() {
    const ImageVectors large(x, kWidth), small(y, kWidth);
    launch(max_pool_forward_kernel<T, kWidth>, grid(small), kBlock, stream, x.as<T>(), y.as<T>(), indices.as<uint8_t>(),
           large, small);
  });
}

void max_pool_backward(Stream stream, View dy, View indices, View dx) {
  check(dx, dy, indices);
  dispatch_columns(dx.dtype, dx.channels(), {dx.data, dy.data, indices.data}, [&]<class T, int kWidth>() {
    const ImageVectors large(dx, kWidth), small(dy, kWidth);
    launch(max_pool_backward_kernel<T, kWidth>, grid(large), kBlock, stream, dy.as<T>(), indices.as<uint8_t>(),
           dx.as<T>(), large, small);
  });
}

}  // namespace skein::cuda
