// The three passes of a convolution with tiles, by shape.
#pragma once

#include "kernels/cpu/conv/tile_conv.h"
#include "kernels/cpu/conv/tile_weights.h"

namespace skein::cpu {
namespace {

// The tap of a step and a slot, or -1: the slot is empty, or has been counted in the step before.
int64_t tap_of(const Steps& s, int64_t step, int64_t slot, int64_t stride) {
  const int64_t plane = s.plane[step], tap = plane + (s.shift[step] + slot) * stride;
  return slot < s.slots[plane] && s.step_of[tap] == step ? tap : -1;
}

template <class Tiles>
void tile_forward(const ConvShape& s, const Bf16* x, const Bf16* w, Bf16* y) {
  TileConv g{s.n, s.h, s.w, s.c, s.oh, s.ow, s.o, s.s, -s.p, -s.p, s.k, s.k, s.oh * s.ow * s.o, s.ow * s.o, s.o, false};
  const int64_t pixels = s.n * s.h * s.w;
  if (s.k == 1 && s.s == 1 && s.p == 0 && s.c % 32 == 0 && pixels % 16 == 0)  // rows of 16 pixels
    g.n = 1, g.h = g.rows = pixels / 16, g.w = g.columns = 16, g.row_step = 16 * s.o;
  const TilePlan p(g, 1);
  const auto put_filters = [&](int64_t output, int64_t block, int64_t i, int64_t step, char* to) {
    alignas(64) char filters[kTile];  // a filter a line
    for (int64_t o = 0; o < 16; ++o)
      for (int64_t slot = 0; slot < p.room; ++slot) {
        const int64_t j = tap_of(p.steps, step, slot, s.s), c = block * 32;
        const bool is_there = j >= 0 && output + o < s.o;
        Tiles::copy(reinterpret_cast<Bf16*>(filters + o * kLine) + slot * p.width,
                    w + (is_there ? (((output + o) * s.k + i) * s.k + j) * s.c + c : 0),
                    is_there ? smaller(p.width, s.c - c) : 0, p.width);
      }
    Tiles::transpose(filters, to);
  };
  tile_convolve<Tiles>(g, x, put_filters, y);
}

// One residue of rows and columns modulo the stride.
template <class Tiles>
void tile_backward_data(const ConvShape& s, int64_t row, int64_t column, const Bf16* dy, const Bf16* w, Bf16* dx) {
  const Taps rows(s, row), columns(s, column);
  const bool none = rows.count == 0 || columns.count == 0;
  TileConv g{s.n,
             s.oh,
             s.ow,
             s.o,
             pixels(s.h, row, s.s),
             pixels(s.w, column, s.s),
             s.c,
             1,
             rows.start,
             columns.start,
             none ? 0 : rows.count,
             none ? 0 : columns.count,
             s.h * s.w * s.c,
             s.s * s.w * s.c,
             s.s * s.c,
             true};
  if (g.rows == 0 || g.columns == 0) return;
  const int64_t all = s.n * s.h * s.w;
  if (s.k == 1 && s.s == 1 && s.p == 0 && s.o % 32 == 0 && all % 16 == 0)
    g.n = 1, g.h = g.rows = all / 16, g.w = g.columns = 16, g.row_step = 16 * s.c;
  const TilePlan p(g, 1);
  const auto put_filters = [&](int64_t output, int64_t block, int64_t i, int64_t step, char* to) {
    const int64_t filter_row = rows.first + (rows.count - 1 - i) * s.s, n = smaller(16, s.c - output);
    for (int64_t k = 0; k < 32; k += 2) {
      const int64_t tap = tap_of(p.steps, step, k / p.width, 1), o = block * 32 + k % p.width;
      const int64_t filter_column = columns.first + (columns.count - 1 - tap) * s.s, filter = s.k * s.k * s.c;
      const int64_t there = tap < 0 || n <= 0 ? 0 : smaller(2, s.o - o);  // of the two outputs
      const Bf16* const from = w + (there > 0 ? o * filter + (filter_row * s.k + filter_column) * s.c + output : 0);
      Tiles::pair(to + k / 2 * kLine, from, there > 0 ? n : 0, there > 1 ? from + filter : from, there > 1 ? n : 0);
    }
  };
  tile_convolve<Tiles>(g, dy, put_filters, dx + (row * s.w + column) * s.c);
}

bool tiles_suit(ConvPass, const ConvShape& s) { return s.bf16 && s.k <= kMaxTaps; }

template <class Tiles>
void tile_pass(ConvPass pass, const ConvShape& s, const ConvOperands& operands) {
  const Bf16* const first = static_cast<const Bf16*>(operands.in[0]);
  const Bf16* const second = static_cast<const Bf16*>(operands.in[1]);
  if (pass == ConvPass::backward_weights) {
    tile_backward_weights<Tiles>(s, first, second, static_cast<float*>(operands.out));
  } else if (pass == ConvPass::forward) {
    tile_forward<Tiles>(s, first, second, static_cast<Bf16*>(operands.out));
  } else {
    for (int64_t r = 0; r < s.s * s.s; ++r)
      tile_backward_data<Tiles>(s, r / s.s, r % s.s, first, second, static_cast<Bf16*>(operands.out));
  }
}

}  // namespace
}  // namespace skein::cpu
