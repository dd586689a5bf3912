// Direct convolution for any kernel, stride and padding; shapes as in kernels/conv.h, f32. In NHWC the k*C numbers
// under one row of the kernel are contiguous. On an image padded with zeros every direction is therefore a gemm() over
// k rows of taps:
//   forward            y row = rows of x (one every s pixels) times w packed as [i][j*C+c][o]
//   backward data      pixels of dx with the same position modulo s use the same taps: one stride-1 convolution of dy
//                      for each position modulo s
//   backward weights   dw[i] = transposed rows of x times rows of dy, summed per thread, then over threads in order
// The number of result columns (O, or C for dx) must be a multiple of 16.
#pragma once

#include "kernels/cpu/conv/common.h"
#include "kernels/cpu/conv/gemm.h"
#include "kernels/cpu/conv/implementation.h"

namespace skein::cpu {
namespace {

// Copies an image into the middle of a zero frame. Without a border it returns the image itself.
const float* with_border(const float* from, Image image, Border b, float* to) {
  if (b.low == 0 && b.high_h == 0 && b.high_w == 0) return from;
  const int64_t left = b.low * image.c, right = b.high_w * image.c, row = image.row(), pitch = left + row + right;
  __builtin_memset(to, 0, size_t(b.low * pitch) * sizeof(float));
  float* out = to + b.low * pitch;
  for (int64_t h = 0; h < image.h; ++h, out += pitch, from += row) {
    __builtin_memset(out, 0, size_t(left) * sizeof(float));
    __builtin_memcpy(out + left, from, size_t(row) * sizeof(float));
    __builtin_memset(out + left + row, 0, size_t(right) * sizeof(float));
  }
  __builtin_memset(out, 0, size_t(b.high_h * pitch) * sizeof(float));
  return to;
}

template <class Isa>
void direct_forward(const ConvShape& s, const float* x, const float* w, float* y) {
  const Image image{s.h, s.w, s.c}, output{s.oh, s.ow, s.o};
  const Border border{s.p, s.p, s.p};
  const Image padded = image.padded(border);
  const int64_t width = panel_width<Isa>(s.o), taps = s.k * s.k * s.c, inner = s.k * s.c;
  const int64_t packed_size = in_lines(taps * s.o), padded_size = in_lines(padded.size());
  float* packed =
      static_cast<float*>(conv_scratch(size_t(packed_size + omp_get_max_threads() * padded_size) * sizeof(float)));
  const Gemm g{.rows = s.ow,
               .columns = s.o,
               .outer = s.k,
               .inner = inner,
               .a_step = s.s * s.c,
               .a_outer = padded.row(),
               .b_inner = width,
               .b_outer = inner * width,
               .b_panel = taps * width,
               .c_row = s.o};
#pragma omp parallel
  {
    const Range outputs = range_of_thread(s.o), images = range_of_thread(s.n);
    for (int64_t o = outputs.begin; o < outputs.end; ++o)
      for (int64_t t = 0; t < taps; ++t) packed[o / width * g.b_panel + t * width + o % width] = w[o * taps + t];
#pragma omp barrier
    float* frame = packed + packed_size + omp_get_thread_num() * padded_size;
    for (int64_t n = images.begin; n < images.end; ++n) {
      const float* a = with_border(x + n * image.size(), image, border, frame);
      const int64_t ahead = n + 1 < images.end;
      for (int64_t h = 0; h < s.oh; ++h) {
        prefetch<false>(x + (n + ahead) * image.size(), ahead * image.size(), h, s.oh);
        prefetch<true>(y + (n + ahead) * output.size(), ahead * output.size(), h, s.oh);
        gemm<Isa, false>(g, a + h * s.s * padded.row(), packed, y + (n * s.oh + h) * output.row());
      }
    }
  }
}

// Taps along one axis that contribute to the pixels residue + s*q of dx: first, first + s, ..., `count` in all. The
// last one reads row q + start of dy; each tap before it reads one row further on.
struct Taps {
  int64_t first, count, start;
  Taps(const ConvShape& s, int64_t residue) {
    first = (residue + s.p) % s.s;
    count = first < s.k ? (s.k - 1 - first) / s.s + 1 : 0;
    start = (residue + s.p - first) / s.s - count + 1;
  }
};

int64_t pixels(int64_t size, int64_t residue, int64_t stride) {
  return residue < size ? (size - 1 - residue) / stride + 1 : 0;
}

Border backward_border(const ConvShape& s) {
  Border b{0, 0, 0};
  for (int64_t r = 0; r < s.s; ++r) {
    const Taps t(s, r);
    if (t.count == 0) continue;
    b.low = larger(b.low, -t.start);
    b.high_h = larger(b.high_h, pixels(s.h, r, s.s) - 1 + t.start + t.count - s.oh);
    b.high_w = larger(b.high_w, pixels(s.w, r, s.s) - 1 + t.start + t.count - s.ow);
  }
  return b;
}

// w (O,k,k,C) -> [panel of C][tap row, last first][tap column, last first][o][width]
void pack_backward(const ConvShape& s, Taps rows, Taps columns, int64_t width, const float* w, float* packed) {
  for (int64_t c0 = 0; c0 < s.c; c0 += width)
    for (int64_t i = rows.count - 1; i >= 0; --i)
      for (int64_t j = columns.count - 1; j >= 0; --j)
        for (int64_t o = 0; o < s.o; ++o, packed += width) {
          const int64_t row = rows.first + i * s.s, column = columns.first + j * s.s;
          __builtin_memcpy(packed, w + ((o * s.k + row) * s.k + column) * s.c + c0, size_t(width) * sizeof(float));
        }
}

template <class Isa>
void direct_backward_data(const ConvShape& s, const float* dy, const float* w, float* dx) {
  const Image image{s.oh, s.ow, s.o}, output{s.h, s.w, s.c};
  const Border border = backward_border(s);
  const Image padded = image.padded(border);
  const int64_t width = panel_width<Isa>(s.c), classes = s.s * s.s;
  const int64_t packed_size = in_lines((s.k / s.s + 1) * (s.k / s.s + 1) * s.c * s.o);
  const int64_t padded_size = in_lines(padded.size());
  float* packed = static_cast<float*>(
      conv_scratch(size_t(classes * packed_size + omp_get_max_threads() * padded_size) * sizeof(float)));
#pragma omp parallel
  {
    const Range images = range_of_thread(s.n);
#pragma omp for schedule(static)
    for (int64_t r = 0; r < classes; ++r)
      pack_backward(s, Taps(s, r / s.s), Taps(s, r % s.s), width, w, packed + r * packed_size);
    float* frame = packed + classes * packed_size + omp_get_thread_num() * padded_size;
    for (int64_t n = images.begin; n < images.end; ++n) {
      const float* a = with_border(dy + n * image.size(), image, border, frame);
      const int64_t ahead = n + 1 < images.end;
      for (int64_t r = 0; r < classes; ++r) {
        prefetch<false>(dy + (n + ahead) * image.size(), ahead * image.size(), r, classes);
        prefetch<true>(dx + (n + ahead) * output.size(), ahead * output.size(), r, classes);
        const Taps rows(s, r / s.s), columns(s, r % s.s);
        const int64_t inner = columns.count * s.o, count = pixels(s.w, r % s.s, s.s);
        if (count == 0) continue;
        const Gemm g{.rows = count,
                     .columns = s.c,
                     .outer = inner ? rows.count : 0,
                     .inner = inner,
                     .a_step = s.o,
                     .a_outer = padded.row(),
                     .b_inner = width,
                     .b_outer = inner * width,
                     .b_panel = rows.count * inner * width,
                     .c_row = s.s * s.c};
        const float* corner = a + (columns.start + border.low) * s.o;
        for (int64_t h = r / s.s, q = 0; h < s.h; h += s.s, ++q)
          gemm<Isa, false>(g, g.outer ? corner + (q + rows.start + border.low) * padded.row() : a,
                           packed + r * packed_size, dx + ((n * s.h + h) * s.w + r % s.s) * s.c);
      }
    }
  }
}

template <class Isa>
void direct_backward_weights(const ConvShape& s, const float* x, const float* dy, float* dw) {
  const Image image{s.h, s.w, s.c};
  const Border border{s.p, s.p, s.p};
  const Image padded = image.padded(border);
  const int64_t inner = s.k * s.c, taps = s.k * inner, size = in_lines(taps * s.o);
  const int64_t padded_size = in_lines(padded.size()), band = larger(1, 96 / s.ow);  // rows that stay in L1
  float* scratch =
      static_cast<float*>(conv_scratch(size_t(omp_get_max_threads() * (size + padded_size)) * sizeof(float)));
#pragma omp parallel
  {
    const Range images = range_of_thread(s.n), outputs = range_of_thread(s.o);
    const int64_t team = omp_get_num_threads();
    float* sum = scratch + omp_get_thread_num() * size;
    float* frame = scratch + team * size + omp_get_thread_num() * padded_size;
    __builtin_memset(sum, 0, size_t(size) * sizeof(float));
    for (int64_t n = images.begin; n < images.end; ++n) {
      const float* a = with_border(x + n * image.size(), image, border, frame);
      for (int64_t h = 0; h < s.oh; h += band) {
        const Gemm g{.rows = inner,
                     .columns = s.o,
                     .outer = smaller(band, s.oh - h),
                     .inner = s.ow,
                     .a_step = s.s * s.c,
                     .a_outer = s.s * padded.row(),
                     .b_inner = s.o,
                     .b_outer = s.ow * s.o,
                     .b_panel = panel_width<Isa>(s.o),
                     .c_row = s.o};
        for (int64_t i = 0; i < s.k; ++i)
          gemm<Isa, true>(g, a + (h * s.s + i) * padded.row(), dy + (n * s.oh + h) * s.ow * s.o, sum + i * inner * s.o);
      }
    }
#pragma omp barrier
    for (int64_t o = outputs.begin; o < outputs.end; ++o)
      for (int64_t t = 0; t < taps; ++t) {
        float total = 0;
        for (int64_t thread = 0; thread < team; ++thread) total += scratch[thread * size + t * s.o + o];
        dw[o * taps + t] = total;
      }
  }
}

bool direct_suits(ConvPass pass, const ConvShape& s) { return (pass == ConvPass::backward_data ? s.c : s.o) % 16 == 0; }

template <class Isa>
void direct_run(ConvPass pass, const ConvShape& s, const ConvOperands& operands) {
  const auto run = pass == ConvPass::forward         ? direct_forward<Isa>
                   : pass == ConvPass::backward_data ? direct_backward_data<Isa>
                                                     : direct_backward_weights<Isa>;
  run(s, operands.in[0], operands.in[1], operands.out);
}

}  // namespace
}  // namespace skein::cpu
