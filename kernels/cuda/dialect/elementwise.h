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
