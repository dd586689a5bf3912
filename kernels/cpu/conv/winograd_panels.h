// Winograd's convolution where the transformed filters outgrow the caches: those of 640 -> 640 channels take 59 MB. The
// threads share V, and dM, of a group of tiles. Each thread takes panels of channels: it transforms the filters of a
// panel and multiplies by them at once, or sums dU of a panel and transforms it back at once. So neither U nor dU goes
// through memory, unless the tiles are so many that they form several groups: then dU does.
// Bits: those of winograd.h in the data passes. The weight gradient is one sum over all tiles of a group.
#pragma once

#include <omp.h>

#include "kernels/cpu/conv/implementation.h"
#include "kernels/cpu/conv/winograd_strips.h"

namespace skein::cpu {
namespace {

constexpr int64_t kGroupFloats = 1 << 21;   // of V: 8 MB, a part of the L3 cache
constexpr int64_t kFilterFloats = 3 << 19;  // of U: 6 MB; above that the panels pay
constexpr int64_t kPanelOfGradients = 24;   // channels of x whose dU is summed at once

inline bool by_panels(const ConvShape& s) { return kPositions * s.c * s.o > kFilterFloats; }

// Tiles of a group: V of `channels` channels has about kGroupFloats.
inline int64_t group_tiles(int64_t channels) { return larger(1, kGroupFloats / (kPositions * channels)); }

// As winograd_data().
template <class Isa, class T>
void winograd_data_by_panels(const ConvShape& s, bool flip, const T* x, const T* w, T* y) {
  const Image from{s.h, s.w, flip ? s.o : s.c}, to{s.h, s.w, flip ? s.c : s.o};
  const Strips strips(from, group_tiles(from.c));
  const int64_t threads = omp_get_max_threads(), columns = padded_channels(to.c), all = s.n * strips.rows;
  const int64_t width = columns % 32 == 0 && columns / 32 >= threads ? 32 : 16;
  const int64_t v_plane = strips.plane(from.c), m_plane = strips.plane(width), u_plane = from.c * width;
  const int64_t v_size = kPositions * v_plane, zeros_size = in_lines(from.row());
  const int64_t thread_size = kPositions * (u_plane + m_plane);
  float* const v =
      static_cast<float*>(conv_scratch(size_t(v_size + zeros_size + threads * thread_size) * sizeof(float)));
  T* const zeros = reinterpret_cast<T*>(v + v_size);
  __builtin_memset(static_cast<void*>(zeros), 0, size_t(zeros_size) * sizeof(float));
#pragma omp parallel
  {
    float* const u = v + v_size + zeros_size + omp_get_thread_num() * thread_size;
    float* const m = u + kPositions * u_plane;
    for (int64_t begin = 0; begin < all; begin += strips.per_block) {
      const int64_t end = smaller(begin + strips.per_block, all);
#pragma omp for schedule(static)
      for (int64_t i = begin; i < end; ++i)
        transform_data<Isa>(x + i / strips.rows * from.size(), from, from.c, i % strips.rows, zeros,
                            v + (i - begin) * strips.tiles * padded_channels(from.c), v_plane);
      const Gemm g = tiles_by_filters<Isa>((end - begin) * strips.tiles, from.c, width);
#pragma omp for schedule(static)
      for (int64_t column = 0; column < columns; column += width) {
        transform_filters<Isa>(s, flip, w, {column, column + width}, {0, from.c}, u);
        for (int p = 0; p < kPositions; ++p) gemm<Isa, false>(g, v + p * v_plane, u + p * u_plane, m + p * m_plane);
        for (int64_t i = begin; i < end; ++i)
          inverse_transform<Isa>(m + (i - begin) * strips.tiles * width, m_plane,
                                 y + i / strips.rows * to.size() + column, to, smaller(width, to.c - column),
                                 i % strips.rows);
      }
    }
  }
}

// As winograd_weights().
template <class Isa, class T>
void winograd_weights_by_panels(const ConvShape& s, const T* x, const T* dy, float* dw) {
  const Image input{s.h, s.w, s.c}, output{s.h, s.w, s.o};
  const Strips strips(input, group_tiles(larger(s.c, s.o)));
  const int64_t all = s.n * strips.rows, row = padded_channels(s.c), columns = padded_channels(s.o);
  const int64_t v_plane = strips.plane(s.c), dm_plane = strips.plane(s.o);
  const int64_t panels = (s.c + kPanelOfGradients - 1) / kPanelOfGradients;
  const bool one_group = all <= strips.per_block;
  const int64_t du_size = kPositions * kPanelOfGradients * columns, zeros_size = in_lines(s.w * s.c);
  const int64_t v_size = kPositions * v_plane, dm_size = kPositions * dm_plane;
  const int64_t sums = one_group ? omp_get_max_threads() : panels;  // of du_size
  float* const v =
      static_cast<float*>(conv_scratch(size_t(v_size + dm_size + zeros_size + sums * du_size) * sizeof(float)));
  float *const dm = v + v_size, *const all_du = dm + dm_size + zeros_size;
  T* const zeros = reinterpret_cast<T*>(dm + dm_size);
  __builtin_memset(static_cast<void*>(zeros), 0, size_t(zeros_size) * sizeof(float));
#pragma omp parallel
  for (int64_t begin = 0; begin < all; begin += strips.per_block) {
    const int64_t end = smaller(begin + strips.per_block, all);
#pragma omp for schedule(static)
    for (int64_t i = begin; i < end; ++i) {
      const int64_t n = i / strips.rows, tile = (i - begin) * strips.tiles;
      transform_data<Isa>(x + n * input.size(), input, s.c, i % strips.rows, zeros, v + tile * row, v_plane);
      transform_gradient<Isa>(dy + n * output.size(), output, i % strips.rows, dm + tile * columns, dm_plane);
    }
#pragma omp for schedule(static)
    for (int64_t panel = 0; panel < panels; ++panel) {
      const int64_t first = panel * kPanelOfGradients, count = smaller(kPanelOfGradients, s.c - first);
      float* const du = all_du + (one_group ? omp_get_thread_num() : panel) * du_size;
      if (begin == 0) __builtin_memset(du, 0, size_t(du_size) * sizeof(float));
      const Gemm g = channels_by_gradients<Isa>(count, row, columns, (end - begin) * strips.tiles);
      for (int p = 0; p < kPositions; ++p)
        gemm<Isa, true>(g, v + p * v_plane + first, dm + p * dm_plane, du + p * count * columns);
      if (end == all) filter_gradients<Isa>(s, du, 1, {first, first + count}, {first, first + count}, dw);
    }
  }
}

}  // namespace
}  // namespace skein::cpu
