// Element-wise kernels: element i of each result depends only on element i of the operands. An Op processes N
// consecutive elements, where N is its kWidth or 1:
//   template <int N> auto load(int64_t i) const              reads the elements i .. i+N-1 of every operand
//   template <int N> void finish(int64_t i, loaded) const    writes the elements i .. i+N-1 of every result
// A thread calls load() kUnroll times before the first finish(), so that many accesses are in flight. Results and
// operands may be the same memory.
#pragma once

#include <algorithm>

#include "kernels/cuda/dialect/gpu.h"

namespace skein::cuda {

// Split of [0, n): `head` single elements up to the first aligned one, `vectors` of kWidth elements, then the rest.
struct Split {
  int64_t head, vectors, n;
};

// Null pointers are ignored. If no index aligns all pointers, every element is single.
template <int kWidth, class... T>
Split split(int64_t n, const T*... pointers) {
  for (int64_t head = 0; head < kWidth && head <= n; ++head)
    if (((!pointers || is_aligned(pointers + head, std::min<size_t>(16, kWidth * sizeof(T)))) && ...))
      return {head, (n - head) / kWidth, n};
  return {n, 0, n};
}

template <class Op>
__global__ void __launch_bounds__(kBlock) elementwise_kernel(const __grid_constant__ Op op, Split s) {
  constexpr int kWidth = Op::kWidth, kUnroll = Op::kUnroll;
  using Loaded = decltype(op.template load<kWidth>(0));
#pragma unroll 1
  for (int64_t tile = int64_t(blockIdx.x) * (kBlock * kUnroll); tile < s.vectors;
       tile += int64_t(gridDim.x) * (kBlock * kUnroll)) {
    const int64_t first = tile + threadIdx.x;
    Loaded loaded[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u)
      if (first + u * kBlock < s.vectors) loaded[u] = op.template load<kWidth>(s.head + (first + u * kBlock) * kWidth);
#pragma unroll
    for (int u = 0; u < kUnroll; ++u)
      if (first + u * kBlock < s.vectors) op.template finish<kWidth>(s.head + (first + u * kBlock) * kWidth, loaded[u]);
  }
  const int64_t whole = s.vectors * kWidth;
#pragma unroll 1
  for (int64_t j = int64_t(blockIdx.x) * kBlock + threadIdx.x; j < s.n - whole; j += int64_t(gridDim.x) * kBlock) {
    const int64_t i = j < s.head ? j : j + whole;
    op.template finish<1>(i, op.template load<1>(i));
  }
}

// The result of load() of a sum.
template <int N>
struct Sums {
  float v[N];
};

// The sum of the packs part(0), part(1) ... part(count - 1) in this order, with four loads in flight.
template <int N, class Count, class Part>
__device__ Sums<N> sum_parts(Count count, Part&& part) {
  Sums<N> sums;
  const auto first = part(Count{0});
#pragma unroll
  for (int k = 0; k < N; ++k) sums.v[k] = first[k];
#pragma unroll 4
  for (Count i = 1; i < count; ++i) {
    const auto x = part(i);
#pragma unroll
    for (int k = 0; k < N; ++k) sums.v[k] += x[k];
  }
  return sums;
}

// Calls add(x[i], y[i]) for this thread's part of [0, n), kUnroll vectors of four at a time, and with zeros for vectors
// after the last. Without kTwo there is no y, and its element is 0.
template <int kUnroll, bool kTwo, class Add>
__device__ void for_numbers(const Split& s, const float* x, const float* y, Add&& add) {
#pragma unroll 1
  for (int64_t tile = int64_t(blockIdx.x) * (kBlock * kUnroll); tile < s.vectors;
       tile += int64_t(gridDim.x) * (kBlock * kUnroll)) {
    Pack<float, 4> a[kUnroll], b[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int64_t i = tile + u * kBlock + threadIdx.x;
      a[u] = {}, b[u] = {};
      if (i < s.vectors) a[u] = load<4>(x + s.head + 4 * i);
      if (kTwo && i < s.vectors) b[u] = load<4>(y + s.head + 4 * i);
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u)
#pragma unroll
      for (int k = 0; k < 4; ++k) add(a[u][k], b[u][k]);
  }
  const int64_t whole = s.vectors * 4;
#pragma unroll 1
  for (int64_t j = int64_t(blockIdx.x) * kBlock + threadIdx.x; j < s.n - whole; j += int64_t(gridDim.x) * kBlock) {
    const int64_t i = j < s.head ? j : j + whole;
    add(x[i], kTwo ? y[i] : 0.0f);
  }
}

// Grid of a streaming kernel: one block per tile, at most eight per SM; then each block handles several tiles.
inline int64_t streaming_grid(int64_t tiles) { return std::min(tiles, 8 * multiprocessors()); }

template <class Op>
void elementwise(Stream stream, const Op& op, const Split& s) {
  const int64_t singles = s.n - s.vectors * Op::kWidth;
  const int64_t tiles = std::max(ceil_div(s.vectors, kBlock * Op::kUnroll), ceil_div(singles, kBlock));
  launch(elementwise_kernel<Op>, streaming_grid(tiles), kBlock, stream, op, s);
}

// Runs op on [0, n). `pointers`: all memory that the op accesses as vectors.
template <class Op, class... T>
void elementwise(Stream stream, const Op& op, int64_t n, const T*... pointers) {
  elementwise(stream, op, split<Op::kWidth>(n, pointers...));
}

}  // namespace skein::cuda
