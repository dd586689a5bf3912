// Kernels that walk down the rows of a (rows, C) view: a thread owns `kWidth` neighbouring channels, whose constants
// and sums stay in its registers, in rows a fixed distance apart. A block is `width` threads side by side times
// `height` rows, so that neighbouring threads read neighbouring memory also where C is narrow; threads left over are
// idle.
#pragma once

#include <algorithm>
#include <initializer_list>

#include "kernels/cuda/gpu.h"

namespace skein::cuda {

struct Columns {
  int rows, groups;  // of kWidth channels
  int width, height;
  int tiles, strips;  // the grid: tiles across the groups, strips down the rows

  int64_t blocks() const { return int64_t{tiles} * strips; }
};

// One strip. 32-bit row numbers leave room for a few steps beyond the last row.
inline Columns columns(int64_t rows, int64_t groups) {
  CHECK(rows < (int64_t{1} << 28) && groups < (int64_t{1} << 28), "{} rows of {} groups of channels", rows, groups);
  const int64_t tiles = std::max<int64_t>(1, ceil_div(groups, kBlock)),
                width = std::max<int64_t>(1, ceil_div(groups, tiles));
  return {int(rows), int(groups), int(width), int(kBlock / width), int(tiles), 1};
}

// As many strips as give a thread `loads` rows each, but one for every multiprocessor so long as each thread has a row,
// and at most `most` for every multiprocessor.
inline Columns columns(int64_t rows, int64_t groups, int64_t loads, int64_t most) {
  Columns c = columns(rows, groups);
  const int64_t steps = ceil_div(rows, c.height), device = multiprocessors();
  const int64_t blocks = std::clamp(ceil_div(steps, loads) * c.tiles, device, most * device);
  c.strips = int(std::max<int64_t>(1, std::min(steps, blocks / c.tiles)));
  return c;
}

struct Place {
  int strip, row, group;  // `row` within the block
  bool active;
};

__device__ inline Place place(const Columns& c) {
  const int block = int(blockIdx.x), thread = int(threadIdx.x);
  const int strip = c.tiles == 1 ? block : block / c.tiles, row = thread / c.width;
  const int group = (block - strip * c.tiles) * c.width + (thread - row * c.width);
  return {strip, row, group, row < c.height && group < c.groups};
}

// held = load(i), then use(i, held), for every row of an active thread, i being the place of its first number; kUnroll
// loads come before the first use.
template <int kUnroll, int kWidth, class Load, class Use>
__device__ void for_rows(const Columns& c, const Place& p, Load&& load, Use&& use) {
  using Held = decltype(load(int64_t{0}));
  const int step = c.strips * c.height;
  const auto at = [&](int row) { return (int64_t{row} * c.groups + p.group) * kWidth; };
#pragma unroll 1
  for (int row = p.strip * c.height + p.row; row < c.rows; row += kUnroll * step) {
    Held held[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u)
      if (row + u * step < c.rows) held[u] = load(at(row + u * step));
#pragma unroll
    for (int u = 0; u < kUnroll; ++u)
      if (row + u * step < c.rows) use(at(row + u * step), held[u]);
  }
}

// Adds v over the rows of a block; the sum is in row 0. All threads of the block call it.
template <int N>
__device__ void sum_rows(float (&v)[N], int row, int width, int height) {
  SHARED(float, lower, [N][kBlock / 2]);
  for (int left = height; left > 1;) {
    const int half = (left + 1) / 2;
    __syncthreads();  // the last round has been read
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

// Two sums of kWidth channels from every strip, (strips, 2, C) ...
template <int kWidth>
__device__ void store_sums(float* partial, const Columns& c, const Place& p, const float (&sums)[2 * kWidth]) {
  float first[kWidth], second[kWidth];
#pragma unroll
  for (int k = 0; k < kWidth; ++k) first[k] = sums[k], second[k] = sums[kWidth + k];
  float* to = partial + (int64_t{p.strip} * 2 * c.groups + p.group) * kWidth;
  store(to, first);
  store(to + int64_t{c.groups} * kWidth, second);
}

// ... and their totals: a block does kTotalWidth channels, as few as one 32-byte sector holds, because a thread waits
// for its strips one after another; the thread that `owns` a channel has its two totals.
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

// Calls body.operator()<kWidth>() with the widest access of T that divides `channels` and to which all pointers are
// aligned. Half an access is for bf16 channels such as DenseNet's 12 and 28.
template <class T, class F>
void dispatch_width(int64_t channels, std::initializer_list<const void*> pointers, F&& body) {
  const bool aligned = std::all_of(pointers.begin(), pointers.end(), [](const void* p) { return is_aligned(p, 16); });
  if (aligned && channels % kWide<T> == 0) return body.template operator()<kWide<T>>();
  if constexpr (sizeof(T) == 2)
    if (aligned && channels % 4 == 0) return body.template operator()<4>();
  body.template operator()<1>();
}

// body.operator()<T, kWidth>()
template <class F>
void dispatch_columns(DType t, int64_t channels, std::initializer_list<const void*> pointers, F&& body) {
  dispatch(t, [&]<class T>() {
    dispatch_width<T>(channels, pointers, [&]<int kWidth>() { body.template operator()<T, kWidth>(); });
  });
}

}  // namespace skein::cuda
