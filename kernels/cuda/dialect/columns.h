// Column kernels: kernels that process a (rows, C) view with one set of constants or sums per channel. A thread owns a
// group of kWidth neighbouring channels, whose constants and sums stay in its registers, in rows a fixed distance
// apart. A block is `width` threads side by side times `height` rows, so that accesses are coalesced for narrow C as
// well; left-over threads are idle. The grid is `tiles` across the channels times `strips` down the rows.
//
//   sums over rows: for_rows(), sum_rows() within a block, store_sums() per strip; then add_sums() over the strips, in
//   order, so that the bits do not depend on timing
#pragma once

#include <algorithm>
#include <initializer_list>

#include "kernels/cuda/dialect/gpu.h"

namespace skein::cuda {

struct Columns {
  int rows, groups;   // groups of kWidth channels
  int width, height;  // threads of a block: groups side by side, rows
  int tiles, strips;  // grid: tiles across the groups, strips down the rows

  int64_t blocks() const { return int64_t{tiles} * strips; }
};

// A grid of one strip. Row numbers are limited to 2^28, so that a few steps beyond the last row fit in 32 bits.
inline Columns columns(int64_t rows, int64_t groups) {
  CHECK(rows < (int64_t{1} << 28) && groups < (int64_t{1} << 28), "{} rows of {} groups of channels", rows, groups);
  const int64_t tiles = std::max<int64_t>(1, ceil_div(groups, kBlock)),
                width = std::max<int64_t>(1, ceil_div(groups, tiles));
  return {int(rows), int(groups), int(width), int(kBlock / width), int(tiles), 1};
}

// Chooses the number of strips so that each thread handles about `loads` rows, with at least one block per SM (while
// every thread has a row) and at most `most` blocks per SM.
inline Columns columns(int64_t rows, int64_t groups, int64_t loads, int64_t most) {
  Columns c = columns(rows, groups);
  const int64_t steps = ceil_div(rows, c.height), device = multiprocessors();
  const int64_t blocks = std::clamp(ceil_div(steps, loads) * c.tiles, device, most * device);
  c.strips = int(std::max<int64_t>(1, std::min(steps, blocks / c.tiles)));
  return c;
}

// Position of the running thread: strip, row within the block, group of channels.
struct ThreadPosition {
  int strip, row, group;
  bool active;  // false: a left-over thread
};

__device__ inline ThreadPosition thread_position(const Columns& c) {
  const int block = int(blockIdx.x), thread = int(threadIdx.x);
  const int strip = c.tiles == 1 ? block : block / c.tiles, row = thread / c.width;
  const int group = (block - strip * c.tiles) * c.width + (thread - row * c.width);
  return {strip, row, group, row < c.height && group < c.groups};
}

// Calls use(i, load(i)) for every row of an active thread, where i is the index of the row's first element of its
// group. kUnroll loads are issued before the first use.
template <int kUnroll, int kWidth, class Load, class Use>
__device__ void for_rows(const Columns& c, const ThreadPosition& p, Load&& load, Use&& use) {
  using Loaded = decltype(load(int64_t{0}));
  const int step = c.strips * c.height;
  const auto at = [&](int row) { return (int64_t{row} * c.groups + p.group) * kWidth; };
#pragma unroll 1
  for (int row = p.strip * c.height + p.row; row < c.rows; row += kUnroll * step) {
    Loaded loaded[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u)
      if (row + u * step < c.rows) loaded[u] = load(at(row + u * step));
#pragma unroll
    for (int u = 0; u < kUnroll; ++u)
      if (row + u * step < c.rows) use(at(row + u * step), loaded[u]);
  }
}

// Sums v over the rows of a block, as a tree; the result is in row 0. All threads of the block must call it.
template <int N>
__device__ void sum_rows(float (&v)[N], int row, int width, int height) {
  SHARED(float, lower, [N][kBlock / 2]);
  for (int left = height; left > 1;) {
    const int half = (left + 1) / 2;
    __syncthreads();  // the last round's values have been read
    if (row >= half && row < left) {
#pragma unroll
      for (int k = 0; k < N; ++k) lower[k][int(threadIdx.x) - half * width] = v[k];
    }
    __syncthreads();
    if (row < left - half) {
#pragma unroll
      for (int k = 0; k < N; ++k) v[k] += lower[k][threadIdx.x];
    }
    left = half;
  }
}

// Stores a strip's two sums of kWidth channels in `partial` (strips, 2, C).
template <int kWidth>
__device__ void store_sums(float* partial, const Columns& c, const ThreadPosition& p, const float (&sums)[2 * kWidth]) {
  float first[kWidth], second[kWidth];
#pragma unroll
  for (int k = 0; k < kWidth; ++k) first[k] = sums[k], second[k] = sums[kWidth + k];
  float* to = partial + (int64_t{p.strip} * 2 * c.groups + p.group) * kWidth;
  store(to, first);
  store(to + int64_t{c.groups} * kWidth, second);
}

// Totals of these sums over the strips. A block handles kTotalWidth channels, the contents of one 32-byte sector: few,
// because a thread's loads from successive strips are latency bound. The thread that `owns` a channel has its totals.
constexpr int kTotalWidth = 8, kTotalHeight = kBlock / kTotalWidth;

struct Totals {
  int channel;
  bool owns;
  float first, second;
};

__device__ inline Totals add_sums(const float* partial, int strips, int channels) {
  const int row = int(threadIdx.x) / kTotalWidth;
  const int channel = int(blockIdx.x) * kTotalWidth + int(threadIdx.x) % kTotalWidth;
  float v[2] = {};
  if (channel < channels) {
    const float* from = partial + channel;
#pragma unroll 4
    for (int i = row; i < strips; i += kTotalHeight) {
      v[0] += from[int64_t{2 * i} * channels];
      v[1] += from[int64_t{2 * i + 1} * channels];
    }
  }
  sum_rows(v, row, kTotalWidth, kTotalHeight);
  return {channel, row == 0 && channel < channels, v[0], v[1]};
}

// Calls body.operator()<kWidth>() with the widest access of T that divides `channels` and for which all pointers are
// aligned: 16 bytes, 8 bytes (bf16 channels such as DenseNet's 12 and 28) or one element.
template <class T, class F>
void dispatch_width(int64_t channels, std::initializer_list<const void*> pointers, F&& body) {
  const bool aligned = std::all_of(pointers.begin(), pointers.end(), [](const void* p) { return is_aligned(p, 16); });
  if (aligned && channels % kWide<T> == 0) return body.template operator()<kWide<T>>();
  if constexpr (sizeof(T) == 2)
    if (aligned && channels % 4 == 0) return body.template operator()<4>();
  body.template operator()<1>();
}

// Calls body.operator()<T, kWidth>() with T = float or Bf16 and kWidth from dispatch_width().
template <class F>
void dispatch_columns(DType t, int64_t channels, std::initializer_list<const void*> pointers, F&& body) {
  dispatch(t, [&]<class T>() {
    dispatch_width<T>(channels, pointers, [&]<int kWidth>() { body.template operator()<T, kWidth>(); });
  });
}

}  // namespace skein::cuda
