// Operands of direct.h as words, the 32 bits that a lane of gemm() multiplies: an f32, or where Isa::kPerWord is 2 a
// pair of bf16 numbers. Where it is 1, bf16 operands are widened. Pairs are neighbouring channels (an odd last one is
// paired with zero), and in backward weights, which sums over pixels, neighbouring pixels of a row of dy.
#pragma once

#include "kernels/cpu/conv/common.h"

namespace skein::cpu {
namespace {

typedef uint32_t Word [[gnu::may_alias]];

template <class Isa>
int64_t words(int64_t numbers) {
  return (numbers + Isa::kPerWord - 1) / Isa::kPerWord;
}

// The word of p[0] and, in a pair, p[step]; zero in its place if `left` is 1.
template <class Isa, class T>
[[gnu::always_inline]] inline float word_of(const T* p, int64_t left, int64_t step) {
  if constexpr (Isa::kPerWord == 1)
    return widen(*p);
  else
    return __builtin_bit_cast(float, uint32_t{p->bits} | uint32_t{left > 1 ? p[step].bits : uint16_t{0}} << 16);
}

// The calling thread's part of the columns of a matrix, packed for gemm() into panels of `width`, `panel` words apart.
// Number i of a column is w[column * column_step + i * inner_step]; two that follow each other are the pair of a word.
template <class Isa, class T>
void pack_columns(const T* w, int64_t column_step, int64_t inner_step, int64_t inner, int64_t columns, int64_t width,
                  int64_t panel, float* packed) {
  const Range own = range_of_thread(columns / 16);  // 16 at a time: reads and writes each stay within a few lines
  for (int64_t first = own.begin * 16; first < own.end * 16; first += 16) {
    float* to = packed + first / width * panel + first % width;
    for (int64_t i = 0; i < inner; i += Isa::kPerWord, to += width)
      for (int64_t c = 0; c < 16; ++c)
        to[c] = word_of<Isa>(w + (first + c) * column_step + i * inner_step, inner - i, inner_step);
  }
}

// Neighbouring pixels of c channels as words.
template <class Isa, class T>
void pixels_to_words(const T* __restrict from, int64_t pixels, int64_t c, float* __restrict to) {
  if constexpr (sizeof(T) == sizeof(float)) {
    __builtin_memcpy(to, from, size_t(pixels * c) * sizeof(float));
  } else if constexpr (Isa::kPerWord == 1) {
    for (int64_t i = 0; i < pixels * c; ++i) to[i] = widen(from[i]);
  } else if (c % 2 == 0) {
    __builtin_memcpy(to, from, size_t(pixels * c) * sizeof(T));
  } else {
    for (int64_t p = 0; p < pixels; ++p, from += c)
      for (int64_t i = 0; i < c; i += 2) *to++ = word_of<Isa>(from + i, c - i, 1);
  }
}

// The image in the middle of a frame of zeros, as words. Without a border and if its memory is words already, it
// returns the image itself.
template <class Isa, class T>
const float* with_border(const T* from, Image image, Border b, float* to) {
  const bool is_words = sizeof(T) * Isa::kPerWord == sizeof(float) && image.c % Isa::kPerWord == 0;
  if (is_words && b.low == 0 && b.high_h == 0 && b.high_w == 0) return reinterpret_cast<const float*>(from);
  const int64_t c = words<Isa>(image.c), left = b.low * c, right = b.high_w * c, row = image.w * c;
  const int64_t pitch = left + row + right;
  __builtin_memset(to, 0, size_t(b.low * pitch) * sizeof(float));
  float* out = to + b.low * pitch;
  for (int64_t h = 0; h < image.h; ++h, out += pitch, from += image.row()) {
    __builtin_memset(out, 0, size_t(left) * sizeof(float));
    pixels_to_words<Isa>(from, image.w, image.c, out + left);
    __builtin_memset(out + left + row, 0, size_t(right) * sizeof(float));
  }
  __builtin_memset(out, 0, size_t(b.high_h * pitch) * sizeof(float));
  return to;
}

// The frame for backward weights: a word for each number of the frame, x[h,w,c] or the pair (x[h,w,c],
// x[h,w+stride,c]).
template <class Isa, class T>
const float* weights_frame(const T* from, Image image, Border b, int64_t stride, float* to) {
  if constexpr (Isa::kPerWord == 1) {
    return with_border<Isa>(from, image, b, to);
  } else {
    const Image padded = image.padded(b);
    __builtin_memset(to, 0, size_t(padded.size()) * sizeof(float));
    const int64_t cut = larger(0, stride - b.low) * image.c;  // numbers that are no second pixel
    for (int64_t h = 0; h < image.h; ++h, from += image.row()) {
      Word* const first = reinterpret_cast<Word*>(to + (b.low + h) * padded.row() + b.low * image.c);
      for (int64_t i = 0; i < image.row(); ++i) first[i] = from[i].bits;
      Word* const second = first - stride * image.c;
      for (int64_t i = cut; i < image.row(); ++i) second[i] |= uint32_t{from[i].bits} << 16;
    }
    return to;
  }
}

// Rows of dy (rows,ow,o) for backward weights, [row][word of a pixel][o]. The pair of an odd last pixel is with zeros.
template <class Isa, class T>
const float* gradient_rows(const T* __restrict from, int64_t rows, int64_t ow, int64_t o, float* __restrict to) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return from;
  } else {
    float* out = to;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t w = 0; w < ow; w += Isa::kPerWord, out += o)
        for (int64_t i = 0; i < o; ++i) out[i] = word_of<Isa>(from + (row * ow + w) * o + i, ow - w, o);
    return to;
  }
}

}  // namespace
}  // namespace skein::cpu
