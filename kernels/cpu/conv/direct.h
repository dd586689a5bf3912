// Direct convolution for any kernel, stride and padding; shapes as in kernels/conv.h. Operands of type T become words
// (direct_words.h). In NHWC the k*C numbers under one row of the kernel are contiguous. On an image padded with zeros
// every direction is therefore a gemm() over k rows of taps:
//   forward            y row = rows of x (one every s pixels) times w packed as [i][word of j*C+c][o]
//   backward data      pixels of dx with the same position modulo s use the same taps: one stride-1 convolution of dy
//                      for each position modulo s
//   backward weights   dw[i] = transposed rows of x times rows of dy, summed per thread, then over threads in order
// The number of result columns (O, or C for dx) must be a multiple of 16. 1x1 kernels: pointwise.h; weight gradients of
// many channels: direct_weights.h.
#pragma once

#include "kernels/cpu/conv/common.h"
#include "kernels/cpu/conv/direct_weights.h"
#include "kernels/cpu/conv/direct_words.h"
#include "kernels/cpu/conv/gemm.h"
#include "kernels/cpu/conv/implementation.h"
#include "kernels/cpu/conv/pointwise.h"
#include "kernels/cpu/conv/residues.h"

namespace skein::cpu {
namespace {

// Columns of the result that are computed for all rows of an image before the next: all, unless their weights would be
// read from beyond the L2 cache for every row again.
inline int64_t panels_at_once(int64_t taps, int64_t columns, int64_t width) {
  return taps * columns > 1 << 16 ? width : columns;
}

template <class Isa, class T>
void direct_forward(const ConvShape& s, const T* x, const T* w, T* y) {
  const int64_t channels = words<Isa>(s.c);
  const Image image{s.h, s.w, s.c}, output{s.oh, s.ow, s.o};
  const Border border{s.p, s.p, s.p};
  const Image padded = Image{s.h, s.w, channels}.padded(border);
  const int64_t width = panel_width<Isa>(s.o), inner = s.k * channels, taps = s.k * inner;
  const int64_t packed_size = in_lines(taps * s.o), padded_size = in_lines(padded.size());
  float* packed =
      static_cast<float*>(conv_scratch(size_t(packed_size + omp_get_max_threads() * padded_size) * sizeof(float)));
  const Gemm g{.rows = s.ow,
               .columns = panels_at_once(taps, s.o, width),
               .outer = s.k,
               .inner = inner,
               .a_step = s.s * channels,
               .a_outer = padded.row(),
               .b_inner = width,
               .b_outer = inner * width,
               .b_panel = taps * width,
               .c_row = s.o};
#pragma omp parallel
  {
    const Range images = range_of_thread(s.n);
    for (int64_t tap = 0; tap < s.k * s.k; ++tap)
      pack_columns<Isa>(w + tap * s.c, s.k * s.k * s.c, 1, s.c, s.o, width, g.b_panel, packed + tap * channels * width);
#pragma omp barrier
    float* frame = packed + packed_size + omp_get_thread_num() * padded_size;
    for (int64_t n = images.begin; n < images.end; ++n) {
      const float* a = with_border<Isa>(x + n * image.size(), image, border, frame);
      const int64_t ahead = n + 1 < images.end;
      for (int64_t o = 0; o < s.o; o += g.columns)
        for (int64_t h = 0; h < s.oh; ++h) {
          const int64_t part = o / g.columns * s.oh + h, parts = s.o / g.columns * s.oh;
          prefetch<false>(x + (n + ahead) * image.size(), ahead * image.size(), part, parts);
          prefetch<true>(y + (n + ahead) * output.size(), ahead * output.size(), part, parts);
          gemm<Isa, false>(g, a + h * s.s * padded.row(), packed + o * taps, y + (n * s.oh + h) * output.row() + o);
        }
    }
  }
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

// w (O,k,k,C) -> [panel of C][tap row, last first][tap column, last first][word of o][width]
template <class Isa, class T>
void pack_backward(const ConvShape& s, Taps rows, Taps columns, int64_t width, const T* w, float* packed) {
  for (int64_t c0 = 0; c0 < s.c; c0 += width)
    for (int64_t i = rows.count - 1; i >= 0; --i)
      for (int64_t j = columns.count - 1; j >= 0; --j)
        for (int64_t o = 0; o < s.o; o += Isa::kPerWord, packed += width) {
          const int64_t row = rows.first + i * s.s, column = columns.first + j * s.s;
          const T* from = w + ((o * s.k + row) * s.k + column) * s.c + c0;
          for (int64_t c = 0; c < width; ++c) packed[c] = word_of<Isa>(from + c, s.o - o, s.k * s.k * s.c);
        }
}

template <class Isa, class T>
void direct_backward_data(const ConvShape& s, const T* dy, const T* w, T* dx) {
  const int64_t channels = words<Isa>(s.o);
  const Image image{s.oh, s.ow, s.o}, output{s.h, s.w, s.c};
  const Border border = backward_border(s);
  const Image padded = Image{s.oh, s.ow, channels}.padded(border);
  const int64_t width = panel_width<Isa>(s.c), classes = s.s * s.s;
  const int64_t packed_size = in_lines((s.k / s.s + 1) * (s.k / s.s + 1) * s.c * channels);
  const int64_t padded_size = in_lines(padded.size());
  float* packed = static_cast<float*>(
      conv_scratch(size_t(classes * packed_size + omp_get_max_threads() * padded_size) * sizeof(float)));
#pragma omp parallel
  {
    const Range images = range_of_thread(s.n);
#pragma omp for schedule(static)
    for (int64_t r = 0; r < classes; ++r)
      pack_backward<Isa>(s, Taps(s, r / s.s), Taps(s, r % s.s), width, w, packed + r * packed_size);
    float* frame = packed + classes * packed_size + omp_get_thread_num() * padded_size;
    for (int64_t n = images.begin; n < images.end; ++n) {
      const float* a = with_border<Isa>(dy + n * image.size(), image, border, frame);
      const int64_t ahead = n + 1 < images.end;
      for (int64_t r = 0; r < classes; ++r) {
        prefetch<false>(dy + (n + ahead) * image.size(), ahead * image.size(), r, classes);
        prefetch<true>(dx + (n + ahead) * output.size(), ahead * output.size(), r, classes);
        const Taps rows(s, r / s.s), columns(s, r % s.s);
        const int64_t inner = columns.count * channels, count = pixels(s.w, r % s.s, s.s);
        if (count == 0) continue;
        const Gemm g{.rows = count,
                     .columns = panels_at_once(rows.count * inner, s.c, width),
                     .outer = inner ? rows.count : 0,
                     .inner = inner,
                     .a_step = channels,
                     .a_outer = padded.row(),
                     .b_inner = width,
                     .b_outer = inner * width,
                     .b_panel = rows.count * inner * width,
                     .c_row = s.s * s.c};
        const float* corner = a + (columns.start + border.low) * channels;
        for (int64_t c = 0; c < s.c; c += g.columns)
          for (int64_t h = r / s.s, q = 0; h < s.h; h += s.s, ++q)
            gemm<Isa, false>(g, g.outer ? corner + (q + rows.start + border.low) * padded.row() : a,
                             packed + r * packed_size + c * rows.count * inner,
                             dx + ((n * s.h + h) * s.w + r % s.s) * s.c + c);
      }
    }
  }
}

template <class Isa, class T>
void direct_backward_weights(const ConvShape& s, const T* x, const T* dy, float* dw) {
  const Image image{s.h, s.w, s.c};
  const Border border{s.p, s.p, s.p};
  const Image padded = image.padded(border);
  const int64_t inner = s.k * s.c, taps = s.k * inner, size = in_lines(taps * s.o);
  const int64_t padded_size = in_lines(padded.size()), band = larger(1, 96 / s.ow);  // rows that stay in L1
  const int64_t columns = words<Isa>(s.ow), band_size = sizeof(T) == sizeof(float) ? 0 : in_lines(band * columns * s.o);
  float* scratch = static_cast<float*>(
      conv_scratch(size_t(omp_get_max_threads() * (size + padded_size + band_size)) * sizeof(float)));
#pragma omp parallel
  {
    const Range images = range_of_thread(s.n), outputs = range_of_thread(s.o);
    const int64_t team = omp_get_num_threads();
    float* sum = scratch + omp_get_thread_num() * size;
    float* frame = scratch + team * size + omp_get_thread_num() * (padded_size + band_size);
    __builtin_memset(sum, 0, size_t(size) * sizeof(float));
    for (int64_t n = images.begin; n < images.end; ++n) {
      const float* a = weights_frame<Isa>(x + n * image.size(), image, border, s.s, frame);
      for (int64_t h = 0; h < s.oh; h += band) {
        const Gemm g{.rows = inner,
                     .columns = s.o,
                     .outer = smaller(band, s.oh - h),
                     .inner = columns,
                     .a_step = Isa::kPerWord * s.s * s.c,
                     .a_outer = s.s * padded.row(),
                     .b_inner = s.o,
                     .b_outer = columns * s.o,
                     .b_panel = panel_width<Isa>(s.o),
                     .c_row = s.o};
        const float* b = gradient_rows<Isa>(dy + (n * s.oh + h) * s.ow * s.o, g.outer, s.ow, s.o, frame + padded_size);
        for (int64_t i = 0; i < s.k; ++i)
          gemm<Isa, true>(g, a + (h * s.s + i) * padded.row(), b, sum + i * inner * s.o);
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

bool direct_suits(ConvPass pass, const ConvShape& s) {
  if (pass == ConvPass::backward_weights) return s.o % 16 == 0 || weights_by_tap_suit(s);
  return (pass == ConvPass::backward_data ? s.c : s.o) % 16 == 0;
}

template <class Isa, class T>
void direct_pass(ConvPass pass, const ConvShape& s, const ConvOperands& operands) {
  const T* const first = static_cast<const T*>(operands.in[0]);
  const T* const second = static_cast<const T*>(operands.in[1]);
  if (pass == ConvPass::backward_weights)
    (weights_by_tap_suit(s) ? direct_weights_by_tap<Isa, T>
                            : direct_backward_weights<Isa, T>)(s, first, second, static_cast<float*>(operands.out));
  else if (pointwise_suits(pass, s))
    pointwise_data<Isa>(s, pass == ConvPass::backward_data, first, second, static_cast<T*>(operands.out));
  else
    (pass == ConvPass::forward ? direct_forward<Isa, T> : direct_backward_data<Isa, T>)(s, first, second,
                                                                                        static_cast<T*>(operands.out));
}

template <class Isa>
void direct_run(ConvPass pass, const ConvShape& s, const ConvOperands& operands) {
  (s.bf16 ? direct_pass<Isa, Bf16> : direct_pass<Isa, float>)(pass, s, operands);
}

}  // namespace
}  // namespace skein::cpu
