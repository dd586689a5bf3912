// Weight gradients as direct sums, with every tap of the kernel a matrix product over the pixels P of all images:
//   dw[:, i, j, :] (O,C) = dy (P,O)^T times the pixels of x (P,C) that tap (i, j) sees
// Threads share dw out by O, and where there are more of them than that pays for, also the pixels, with a dw for each
// part of these; the parts are added in order. For multiples of 16 channels, and of larger kernels than 1x1 many: else
// the copies of tiles cost more than direct.h's.
#pragma once

#include <omp.h>

#include "kernels/cpu/conv/gemm.h"
#include "kernels/cpu/conv/pixel_tiles.h"

namespace skein::cpu {
namespace {

constexpr int64_t kTileWords = 384;         // of pixels: the sums are read and written once for each tile
constexpr int64_t kSumsOfThread = 1 << 17;  // numbers of dw that a thread sums at least, if it can: 512 KB
constexpr int64_t kOutputsOfThread = 128;   // of O, at least: each copies the tiles of x

bool weights_by_tap_suit(const ConvShape& s) { return s.c % 16 == 0 && (s.k == 1 || s.c >= 64); }

// Adds the sums of outputs `o` over `pixels` to sum (O,k,k,C).
template <class Isa, class T>
void add_taps(const ConvShape& s, Range o, Range pixels, const T* x, const T* dy, const T* zeros, float* tiles,
              float* sum) {
  const int64_t taps = s.k * s.k, count = o.end - o.begin, step = kTileWords * Isa::kPerWord;
  for (int64_t begin = pixels.begin; begin < pixels.end && count > 0; begin += step) {
    const int64_t end = smaller(begin + step, pixels.end);
    const Tile a = pixel_words<Isa>(all_of_y(s), o, dy, begin, end, zeros, tiles);
    for (int64_t tap = 0; tap < taps; ++tap) {
      const SeenPixels seen = seen_of_x(s, tap / s.k, tap % s.k);
      const Tile b =
          pixel_words<Isa>(seen, {0, s.c}, x, begin, end, zeros, tiles + kTileWords * tile_pitch(in_lines(s.o)));
      const Gemm g{.rows = count,
                   .columns = s.c,
                   .outer = 1,
                   .inner = words<Isa>(end - begin),
                   .a_step = a.pitch,
                   .a_outer = 0,
                   .b_inner = b.pitch,
                   .b_outer = 0,
                   .b_panel = panel_width<Isa>(s.c),
                   .c_row = taps * s.c};
      gemm<Isa, true>(g, a.words, b.words, sum + (o.begin * taps + tap) * s.c);
    }
  }
}

template <class Isa, class T>
void direct_weights_by_tap(const ConvShape& s, const T* x, const T* dy, float* dw) {
  const int64_t size = s.o * s.k * s.k * s.c, threads = omp_get_max_threads(), zeros_size = in_lines(larger(s.c, s.o));
  const int64_t tiles_size = kTileWords * (tile_pitch(in_lines(s.o)) + tile_pitch(in_lines(s.c)));
  const int64_t most = larger(1, smaller(size / kSumsOfThread, s.o / kOutputsOfThread));
  const int64_t shares = smaller(most, threads), parts = threads / shares;  // of O; of the pixels
  float* const sums = static_cast<float*>(
      conv_scratch(size_t((parts - 1) * in_lines(size) + threads * tiles_size + zeros_size) * sizeof(float)));
  float* const tiles = sums + (parts - 1) * in_lines(size);
  T* const zeros = reinterpret_cast<T*>(tiles + threads * tiles_size);
  __builtin_memset(static_cast<void*>(zeros), 0, size_t(zeros_size) * sizeof(float));
#pragma omp parallel
  {
    const int64_t pixels = s.n * s.oh * s.ow;
#pragma omp for schedule(static)
    for (int64_t i = 0; i < parts * shares; ++i) {
      const int64_t part = i / shares, share = i % shares;
      const Range o{s.o * share / shares, s.o * (share + 1) / shares};
      float* const sum = part == 0 ? dw : sums + (part - 1) * in_lines(size);
      __builtin_memset(sum + o.begin * s.k * s.k * s.c, 0, size_t((o.end - o.begin) * s.k * s.k * s.c) * sizeof(float));
      add_taps<Isa>(s, o, {pixels * part / parts, pixels * (part + 1) / parts}, x, dy, zeros,
                    tiles + omp_get_thread_num() * tiles_size, sum);
    }
    const Range own = range_of_thread(parts > 1 ? size : 0);
    for (int64_t i = own.begin; i < own.end; ++i) {
      float total = dw[i];
      for (int64_t part = 1; part < parts; ++part) total += sums[(part - 1) * in_lines(size) + i];
      dw[i] = total;
    }
  }
}

}  // namespace
}  // namespace skein::cpu
