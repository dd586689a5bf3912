// A thread makes some neighbouring channels of one pixel: forwards from nine pixels of x, backwards from the at most
// four windows that see it. Bytes per number of s bytes: forward s for every number of x, s + 1 for every one of y;
// backward the same.
#include "kernels/cuda/columns.h"
#include "kernels/cuda/elementwise.h"
#include "kernels/max_pool.h"

namespace skein::cuda {
namespace {

struct Places {
  Divider by_groups, by_width, by_height;  // of the image whose pixels the threads make
  int groups, height, width;               // of it
  int other_height, other_width;
  int64_t vectors;

  Places(View made, View other, int kWidth)
      : by_groups(made.channels() / kWidth),
        by_width(made.dims[2]),
        by_height(made.dims[1]),
        groups(int(made.channels() / kWidth)),
        height(int(made.dims[1])),
        width(int(made.dims[2])),
        other_height(int(other.dims[1])),
        other_width(int(other.dims[2])),
        vectors(made.numel() / kWidth) {
    CHECK(vectors < (int64_t{1} << 31), "{} vectors are more than 32 bits count", vectors);
  }
  struct Place {
    uint32_t n;
    int h, w, group;
  };
  __device__ Place place(uint32_t i) const {
    const auto [pixel, group] = by_groups.divide(i);
    const auto [line, w] = by_width.divide(pixel);
    const auto [n, h] = by_height.divide(line);
    return {n, int(h), int(w), int(group)};
  }
  __device__ int64_t other(const Place& p, int h, int w) const {
    return ((int64_t{p.n} * other_height + h) * other_width + w) * groups + p.group;
  }
};

// kWidth taps, one byte each, as one access.
template <int kWidth>
struct alignas(kWidth) Taps {
  uint8_t t[kWidth];
};

template <class T, int kWidth>
__global__ void __launch_bounds__(kBlock) max_pool_forward_kernel(const T* x, T* y, uint8_t* indices, Places at) {
  for (uint32_t i = blockIdx.x * kBlock + threadIdx.x; i < at.vectors; i += gridDim.x * kBlock) {
    const Places::Place p = at.place(i);
    float best[kWidth];
    Taps<kWidth> taps;
    bool first = true;
#pragma unroll
    for (int t = 0; t < 9; ++t) {
      const int a = 2 * p.h + t / 3 - 1, b = 2 * p.w + t % 3 - 1;
      if (a < 0 || a >= at.other_height || b < 0 || b >= at.other_width) continue;
      const Pack<T, kWidth> v = load<kWidth>(x + at.other(p, a, b) * kWidth);
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
    max_pool_backward_kernel(const T* dy, const uint8_t* indices, T* dx, Places at) {
  for (uint32_t i = blockIdx.x * kBlock + threadIdx.x; i < at.vectors; i += gridDim.x * kBlock) {
    const Places::Place p = at.place(i);
    float sum[kWidth] = {};
#pragma unroll
    for (int window = 0; window < 4; ++window) {
      const int oh = p.h / 2 + window / 2, ow = p.w / 2 + window % 2;
      const int row = p.h - 2 * oh + 1, column = p.w - 2 * ow + 1;  // of the indices, where it is in the window
      if (row < 0 || column < 0 || oh >= at.other_height || ow >= at.other_width) continue;
      const int64_t from = at.other(p, oh, ow) * kWidth;
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

int64_t grid(const Places& p) { return streaming_grid(ceil_div(p.vectors, kBlock)); }

}  // namespace

void max_pool_forward(Stream stream, View x, View y, View indices) {
  check(x, y, indices);
  dispatch_columns(x.dtype, x.channels(), {x.data, y.data, indices.data}, [&]<class T, int kWidth>() {
    const Places at(y, x, kWidth);
    launch(max_pool_forward_kernel<T, kWidth>, grid(at), kBlock, stream, x.as<T>(), y.as<T>(), indices.as<uint8_t>(),
           at);
  });
}

void max_pool_backward(Stream stream, View dy, View indices, View dx) {
  check(dx, dy, indices);
  dispatch_columns(dx.dtype, dx.channels(), {dx.data, dy.data, indices.data}, [&]<class T, int kWidth>() {
    const Places at(dx, dy, kWidth);
    launch(max_pool_backward_kernel<T, kWidth>, grid(at), kBlock, stream, dy.as<T>(), indices.as<uint8_t>(), dx.as<T>(),
           at);
  });
}

}  // namespace skein::cuda
