// A thread computes some neighbouring channels of one pixel: of y from nine pixels of x, or of dx from the at most four
// windows that contain it. Bytes: s per element of x and s + 1 per element of y (with the index), forward and backward,
// with elements of s bytes.
#include "kernels/cuda/dialect/columns.h"
#include "kernels/cuda/dialect/elementwise.h"
#include "kernels/max_pool.h"

namespace skein::cuda {
namespace {

// Index arithmetic of the result, whose pixels the threads compute, and of the source that they read.
struct PoolPixels {
  Divider by_groups, by_width, by_height;  // of the result: one thread per vector
  int groups, height, width;
  int source_height, source_width;
  int64_t vectors;

  PoolPixels(View result, View source, int kWidth)
      : by_groups(result.channels() / kWidth),
        by_width(result.dims[2]),
        by_height(result.dims[1]),
        groups(int(result.channels() / kWidth)),
        height(int(result.dims[1])),
        width(int(result.dims[2])),
        source_height(int(source.dims[1])),
        source_width(int(source.dims[2])),
        vectors(result.numel() / kWidth) {
    CHECK(vectors < (int64_t{1} << 31), "{} vectors are more than 32 bits count", vectors);
  }
  struct Coordinates {
    uint32_t n;
    int h, w, group;
  };
  __device__ Coordinates coordinates(uint32_t i) const {
    const auto [pixel, group] = by_groups.divide(i);
    const auto [line, w] = by_width.divide(pixel);
    const auto [n, h] = by_height.divide(line);
    return {n, int(h), int(w), int(group)};
  }
  __device__ int64_t source_index(const Coordinates& p, int h, int w) const {
    return ((int64_t{p.n} * source_height + h) * source_width + w) * groups + p.group;
  }
};

// Indices of kWidth maxima within their windows, one byte each, as one access.
template <int kWidth>
struct alignas(kWidth) Taps {
  uint8_t t[kWidth];
};

template <class T, int kWidth>
__global__ void __launch_bounds__(kBlock) max_pool_forward_kernel(const T* x, T* y, uint8_t* indices, PoolPixels at) {
  for (uint32_t i = blockIdx.x * kBlock + threadIdx.x; i < at.vectors; i += gridDim.x * kBlock) {
    const PoolPixels::Coordinates p = at.coordinates(i);
    float best[kWidth];
    Taps<kWidth> taps;
    bool first = true;
#pragma unroll
    for (int t = 0; t < 9; ++t) {
      const int a = 2 * p.h + t / 3 - 1, b = 2 * p.w + t % 3 - 1;
      if (a < 0 || a >= at.source_height || b < 0 || b >= at.source_width) continue;
      const Pack<T, kWidth> v = load<kWidth>(x + at.source_index(p, a, b) * kWidth);
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
    max_pool_backward_kernel(const T* dy, const uint8_t* indices, T* dx, PoolPixels at) {
  for (uint32_t i = blockIdx.x * kBlock + threadIdx.x; i < at.vectors; i += gridDim.x * kBlock) {
    const PoolPixels::Coordinates p = at.coordinates(i);
    float sum[kWidth] = {};
#pragma unroll
    for (int window = 0; window < 4; ++window) {
      const int oh = p.h / 2 + window / 2, ow = p.w / 2 + window % 2;
      const int row = p.h - 2 * oh + 1, column = p.w - 2 * ow + 1;  // position in the window
      if (row < 0 || column < 0 || oh >= at.source_height || ow >= at.source_width) continue;
      const int64_t from = at.source_index(p, oh, ow) * kWidth;
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

int64_t grid(const PoolPixels& p) { return streaming_grid(ceil_div(p.vectors, kBlock)); }

}  // namespace

void max_pool_forward(Stream stream, View x, View y, View indices) {
  check(x, y, indices);
  dispatch_columns(x.dtype, x.channels(), {x.data, y.data, indices.data}, [&]<class T, int kWidth>() {
    const PoolPixels at(y, x, kWidth);
    launch(max_pool_forward_kernel<T, kWidth>, grid(at), kBlock, stream, x.as<T>(), y.as<T>(), indices.as<uint8_t>(),
           at);
  });
}

void max_pool_backward(Stream stream, View dy, View indices, View dx) {
  check(dx, dy, indices);
  dispatch_columns(dx.dtype, dx.channels(), {dx.data, dy.data, indices.data}, [&]<class T, int kWidth>() {
    const PoolPixels at(dx, dy, kWidth);
    launch(max_pool_backward_kernel<T, kWidth>, grid(at), kBlock, stream, dy.as<T>(), indices.as<uint8_t>(), dx.as<T>(),
           at);
  });
}

}  // namespace skein::cuda
