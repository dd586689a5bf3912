// Convolution by a 1x1 kernel without padding, of any stride, as a matrix product over the pixels P of all images:
//   forward         y (P,O)  = x (P,C) w^T
//   backward data   dx (P,C) = dy (P,O) w; zero at the pixels that a stride passes over
// The number of result columns (O, or C for dx) must be a multiple of 16. Weight gradients: direct_weights.h.
#pragma once

#include "kernels/cpu/conv/gemm.h"
#include "kernels/cpu/conv/pixel_tiles.h"

namespace skein::cpu {
namespace {

constexpr int64_t kTilePixels = 96;  // of a tile: it and a panel of the weights stay in the L2 cache

bool pointwise_suits(ConvPass pass, const ConvShape& s) {
  return s.k == 1 && s.p == 0 && (pass == ConvPass::forward ? s.o : s.c) % 16 == 0;
}

template <class Isa, class T>
void pointwise_data(const ConvShape& s, bool backward, const T* from, const T* w, T* to) {
  const SeenPixels seen = seen_of_x(s, 0, 0), source = backward ? all_of_y(s) : seen;
  const int64_t pixels = s.n * s.oh * s.ow, inner = words<Isa>(source.c), columns = backward ? s.c : s.o;
  const int64_t width = panel_width<Isa>(columns), packed_size = in_lines(inner * columns);
  const bool scatter = backward && !seen.all();
  const int64_t copy_size = kTilePixels * in_lines(tile_pitch(inner)),
                result_size = scatter ? kTilePixels * columns : 0;
  float* packed = static_cast<float*>(
      conv_scratch(size_t(packed_size + omp_get_max_threads() * (copy_size + result_size)) * sizeof(float)));
#pragma omp parallel
  {
    const Range own = range_of_thread(pixels), images = range_of_thread(s.n);
    pack_columns<Isa>(w, backward ? 1 : s.c, backward ? s.c : 1, source.c, columns, width, inner * width, packed);
    if (scatter)
      __builtin_memset(static_cast<void*>(to + images.begin * s.h * s.w * s.c), 0,
                       size_t((images.end - images.begin) * s.h * s.w * s.c) * sizeof(T));
#pragma omp barrier
    float* const copy = packed + packed_size + omp_get_thread_num() * (copy_size + result_size);
    T* const result = reinterpret_cast<T*>(copy + copy_size);
    for (int64_t begin = own.begin; begin < own.end; begin += kTilePixels) {
      const int64_t end = smaller(begin + kTilePixels, own.end);
      const Tile tile = channel_words<Isa>(source, from, begin, end, copy);
      const Gemm g{.rows = end - begin,
                   .columns = columns,
                   .outer = 1,
                   .inner = inner,
                   .a_step = tile.pitch,
                   .a_outer = 0,
                   .b_inner = width,
                   .b_outer = 0,
                   .b_panel = inner * width,
                   .c_row = columns};
      gemm<Isa, false>(g, tile.words, packed, scatter ? result : to + begin * columns);
      for (int64_t p = begin; scatter && p < end; ++p)
        __builtin_memcpy(static_cast<void*>(const_cast<T*>(seen.pixel<T>(to, p, to))), result + (p - begin) * columns,
                         size_t(columns) * sizeof(T));
    }
  }
}

}  // namespace
}  // namespace skein::cpu
