// Tiles of pixels as operands of gemm(): pixels of all images that a tap of a kernel sees, taken row by row, image by
// image. A tile is copied where a stride leaves pixels out or the tap reaches over the border, where numbers are no
// words (direct_words.h), and where its rows lie a multiple of 1 KB apart: such rows fall into the same few sets of a
// cache and drive each other out.
#pragma once

#include "kernels/cpu/conv/common.h"
#include "kernels/cpu/conv/direct_words.h"
#include "kernels/cpu/conv/implementation.h"

namespace skein::cpu {
namespace {

// Words between the rows of a tile that is copied.
inline int64_t tile_pitch(int64_t words) { return words + (words % 256 == 0 ? 16 : 0); }

// What one tap sees of images (N,h,w,c), for each of `rows` times `columns` outputs of an image.
struct SeenPixels {
  int64_t h, w, c, rows, columns, stride;
  int64_t first_row, first_column;  // of the pixel that output (0, 0) sees

  bool all() const { return stride == 1 && first_row == 0 && first_column == 0 && rows == h && columns == w; }
  // The pixel that output p of all images sees, its first number; `zeros` where it lies beyond the border.
  template <class T>
  const T* pixel(const T* from, int64_t p, const T* zeros) const {
    const int64_t column = p % columns * stride + first_column, row = p / columns % rows * stride + first_row;
    const int64_t n = p / columns / rows;
    return row < 0 || row >= h || column < 0 || column >= w ? zeros : from + ((n * h + row) * w + column) * c;
  }
};

SeenPixels seen_of_x(const ConvShape& s, int64_t i, int64_t j) {
  return {s.h, s.w, s.c, s.oh, s.ow, s.s, i - s.p, j - s.p};
}
SeenPixels all_of_y(const ConvShape& s) { return {s.oh, s.ow, s.o, s.oh, s.ow, 1, 0, 0}; }

struct Tile {
  const float* words;
  int64_t pitch;  // words between rows
};

// Outputs [begin, end), a row each, with neighbouring channels in a word. No tap reaches over the border.
template <class Isa, class T>
Tile channel_words(const SeenPixels& seen, const T* from, int64_t begin, int64_t end, float* copy) {
  const int64_t row = words<Isa>(seen.c), pitch = tile_pitch(row);
  const bool is_words = sizeof(T) * Isa::kPerWord == sizeof(float) && seen.c % Isa::kPerWord == 0;
  if (is_words && seen.all() && pitch == row) return {reinterpret_cast<const float*>(from + begin * seen.c), row};
  for (int64_t p = begin; p < end; ++p)
    pixels_to_words<Isa>(seen.pixel(from, p, from), 1, seen.c, copy + (p - begin) * pitch);
  return {copy, pitch};
}

// Channels `own` of outputs [begin, end), for sums over pixels: neighbouring pixels in a word, a row for each word.
// `zeros` has c numbers.
template <class Isa, class T>
Tile pixel_words(const SeenPixels& seen, Range own, const T* from, int64_t begin, int64_t end, const T* zeros,
                 float* copy) {
  if (sizeof(T) == sizeof(float) && seen.all() && tile_pitch(seen.c) == seen.c)
    return {reinterpret_cast<const float*>(from + begin * seen.c) + own.begin, seen.c};
  const int64_t count = own.end - own.begin, pitch = tile_pitch(in_lines(count));
  float* to = copy;
  for (int64_t p = begin; p < end; p += Isa::kPerWord, to += pitch) {
    const T* __restrict const first = seen.pixel(from, p, zeros) + own.begin;
    if constexpr (Isa::kPerWord == 1) {
      for (int64_t i = 0; i < count; ++i) to[i] = widen(first[i]);
    } else {
      const T* __restrict const second = (p + 1 < end ? seen.pixel(from, p + 1, zeros) : zeros) + own.begin;
      Word* __restrict const pairs = reinterpret_cast<Word*>(to);
      for (int64_t i = 0; i < count; ++i) pairs[i] = uint32_t{first[i].bits} | uint32_t{second[i].bits} << 16;
    }
  }
  return {copy, pitch};
}

}  // namespace
}  // namespace skein::cpu
