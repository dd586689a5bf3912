// Data movement of Winograd's F(4x4, 3x3), with the names of Lavin and Gray (arXiv 1509.09308), ^T transposed:
//   V = B^T d B   data, 6x6 inputs of a tile          dM = A dY A^T   gradient of the outputs of a tile
//   U = G g G^T   filters                             Y = A^T M A     4x4 outputs of a tile
// U, V, M and dM are stored as 36 planes, one per position of the 6x6 tile, `plane` floats apart. In a plane of V, M or
// dM each tile is a row of channels. Data moves one strip at a time: one row of tiles of one image. All vectors run
// along channels. In planes the channels are padded with zeros to a multiple of 16; the last vector of the operands
// themselves is read and written in part.
#pragma once

#include "kernels/cpu/conv/common.h"
#include "kernels/cpu/conv/winograd_maps.h"

namespace skein::cpu {
namespace {

constexpr int kPositions = kIn * kIn;
constexpr int64_t kBlockTiles = 32;  // with 64 channels V, M and U take 295 + 295 + 590 KB: about L2

// Channels with their padding.
int64_t padded_channels(int64_t channels) { return in_lines(channels); }

// One vector of a pixel's channels. `left` is the number of channels before the next pixel; lanes beyond it are zero.
template <class Isa, class T>
[[gnu::always_inline]] inline typename Isa::Vector load_channels(const T* p, int64_t left) {
  return left >= Isa::kLanes ? Isa::load(p) : Isa::load(p, int(left));
}
template <class Isa, class T>
[[gnu::always_inline]] inline void store_channels(T* p, typename Isa::Vector v, int64_t left) {
  left >= Isa::kLanes ? Isa::store(p, v) : Isa::store(p, v, int(left));
}

// p[0], p[stride] ... p[(n-1)*stride], then zeros.
template <class Isa>
typename Isa::Vector gather(const float* p, int stride, int n) {
  return Isa::gather(p, stride, n);
}
template <class Isa>
typename Isa::Vector gather(const Bf16* p, int stride, int n) {
  typename Isa::Vector v{};
  for (int i = 0; i < n; ++i) v[i] = widen(p[i * stride]);
  return v;
}

struct Strips {
  int64_t rows, tiles, per_block;  // strips of an image, tiles of a strip, strips of a block
  explicit Strips(Image image, int64_t block_tiles = kBlockTiles)
      : rows((image.h + kOut - 1) / kOut),
        tiles((image.w + kOut - 1) / kOut),
        per_block(larger(1, block_tiles / tiles)) {}
  int64_t offset(int64_t strip, Image image) const {  // first row of the strip, in elements from the start of the batch
    return strip / rows * image.size() + strip % rows * kOut * image.row();
  }
  // Floats from plane to plane. Never a power of two, so that the planes fall into different sets of L1.
  int64_t plane(int64_t channels) const { return per_block * tiles * padded_channels(channels) + 16; }
};

// M = V U at a position: tiles of `inner` channels times U packed in panels of its columns.
template <class Isa>
Gemm tiles_by_filters(int64_t tiles, int64_t inner, int64_t columns) {
  const int64_t width = panel_width<Isa>(columns);
  return {.rows = tiles,
          .columns = columns,
          .outer = 1,
          .inner = inner,
          .a_step = padded_channels(inner),
          .a_outer = 0,
          .b_inner = width,
          .b_outer = 0,
          .b_panel = inner * width,
          .c_row = columns};
}

// dU += V^T dM at a position, for `channels` of V, whose tiles lie `row` apart: a sum over tiles.
template <class Isa>
Gemm channels_by_gradients(int64_t channels, int64_t row, int64_t columns, int64_t tiles) {
  return {.rows = channels,
          .columns = columns,
          .outer = 1,
          .inner = tiles,
          .a_step = row,
          .a_outer = 0,
          .b_inner = columns,
          .b_outer = 0,
          .b_panel = panel_width<Isa>(columns),
          .c_row = columns};
}

// Data transform: the first `channels` of strip i of an image -> V. Neighbouring tiles share two columns.
template <class Isa, class T>
void transform_data(const T* x, Image image, int64_t channels, int64_t i, const T* zeros, float* v, int64_t plane) {
  using Vector = typename Isa::Vector;
  const T* rows[kIn];
  for (int r = 0; r < kIn; ++r) {
    const int64_t h = i * kOut - 1 + r;
    rows[r] = h >= 0 && h < image.h ? x + h * image.row() : zeros;
  }
  const int64_t c = image.c, row = padded_channels(channels), tiles = (image.w + kOut - 1) / kOut;
  for (int64_t channel = 0; channel < channels; channel += Isa::kLanes) {
    const int64_t left = channels - channel;
    Vector columns[kIn][kIn];
    const auto read = [&](int q, int64_t w) __attribute__((always_inline)) {
      const bool inside = w >= 0 && w < image.w;
#pragma GCC unroll 6
      for (int r = 0; r < kIn; ++r)
        columns[q][r] = inside ? load_channels<Isa>(rows[r] + w * c + channel, left) : Vector{};
      Maps<Isa>::data(columns[q], 1);
    };
    read(0, -1);
    read(1, 0);
    for (int64_t tile = 0; tile < tiles; ++tile) {
#pragma GCC unroll 6
      for (int q = 2; q < kIn; ++q) read(q, tile * kOut - 1 + q);
      float* to = v + tile * row + channel;
#pragma GCC unroll 6
      for (int r = 0; r < kIn; ++r) {
        Vector e[kIn];
#pragma GCC unroll 6
        for (int q = 0; q < kIn; ++q) e[q] = columns[q][r];
        columns[0][r] = columns[kOut][r], columns[1][r] = columns[kOut + 1][r];
        Maps<Isa>::data(e, 1);
#pragma GCC unroll 6
        for (int q = 0; q < kIn; ++q) Isa::store(to + (r * kIn + q) * plane, e[q]);
      }
    }
  }
}

// Strip i of dy -> dM.
template <class Isa, class T>
void transform_gradient(const T* dy, Image image, int64_t i, float* dm, int64_t plane) {
  using Vector = typename Isa::Vector;
  const int64_t c = image.c, row = padded_channels(c), tiles = (image.w + kOut - 1) / kOut;
  for (int64_t tile = 0; tile < tiles; ++tile)
    for (int64_t channel = 0; channel < c; channel += Isa::kLanes) {
      Vector e[kPositions];
#pragma GCC unroll 6
      for (int q = 0; q < kOut; ++q) {
#pragma GCC unroll 6
        for (int r = 0; r < kOut; ++r) {
          const int64_t h = i * kOut + r, w = tile * kOut + q;
          e[r * kIn + q] = h < image.h && w < image.w
                               ? load_channels<Isa>(dy + (h * image.w + w) * c + channel, c - channel)
                               : Vector{};
        }
        Maps<Isa>::output_gradient(e + q, kIn);
      }
      float* to = dm + tile * row + channel;
#pragma GCC unroll 6
      for (int r = 0; r < kIn; ++r) {
        Maps<Isa>::output_gradient(e + r * kIn, 1);
#pragma GCC unroll 6
        for (int q = 0; q < kIn; ++q) Isa::store(to + (r * kIn + q) * plane, e[r * kIn + q]);
      }
    }
}

// Inverse transform: M -> strip i of an image, its first `channels` from y on.
template <class Isa, class T>
void inverse_transform(const float* m, int64_t plane, T* y, Image image, int64_t channels, int64_t i) {
  using Vector = typename Isa::Vector;
  const int64_t c = image.c, row = padded_channels(channels), tiles = (image.w + kOut - 1) / kOut;
  for (int64_t tile = 0; tile < tiles; ++tile)
    for (int64_t channel = 0; channel < channels; channel += Isa::kLanes) {
      const float* from = m + tile * row + channel;
      Vector e[kPositions];
#pragma GCC unroll 6
      for (int q = 0; q < kIn; ++q) {
#pragma GCC unroll 6
        for (int r = 0; r < kIn; ++r) e[r * kIn + q] = Isa::load(from + (r * kIn + q) * plane);
        Maps<Isa>::output(e + q, kIn);
      }
#pragma GCC unroll 6
      for (int r = 0; r < kOut; ++r) {
        Maps<Isa>::output(e + r * kIn, 1);
#pragma GCC unroll 6
        for (int q = 0; q < kOut; ++q) {
          const int64_t h = i * kOut + r, w = tile * kOut + q;
          if (h < image.h && w < image.w)
            store_channels<Isa>(y + (h * image.w + w) * c + channel, e[r * kIn + q], channels - channel);
        }
      }
    }
}

// Filter transform: w (O,3,3,C) -> U as [position][panel of columns][inner][width], for a part of the columns and of
// the inner channels. Forward: inner channels are C, columns O. With `flip`, for the data gradient: inner channels are
// O, columns C, and the taps are reversed.
template <class Isa, class T>
void transform_filters(const ConvShape& s, bool flip, const T* w, Range own_columns, Range own_inner, float* u) {
  using Vector = typename Isa::Vector;
  const int64_t inner = flip ? s.o : s.c, columns = flip ? s.c : s.o, own = own_columns.end - own_columns.begin;
  const int64_t width = panel_width<Isa>(own), plane = inner * own;
  for (int64_t column = own_columns.begin; column < own_columns.end; column += Isa::kLanes)
    for (int64_t i = own_inner.begin; i < own_inner.end; ++i) {
      Vector e[kPositions];
      const int64_t left = columns - column;
      for (int q = 0; q < 3; ++q) {
        for (int r = 0; r < 3; ++r) {
          const int tap = r * 3 + q;
          e[r * kIn + q] =
              left <= 0 ? Vector{}
              : flip    ? load_channels<Isa>(w + (i * 9 + 8 - tap) * s.c + column, left)
                        : gather<Isa>(w + (column * 9 + tap) * s.c + i, int(9 * s.c), int(smaller(left, Isa::kLanes)));
        }
        Maps<Isa>::filter(e + q, kIn);
      }
      const int64_t place = column - own_columns.begin;
      float* to = u + place / width * inner * width + i * width + place % width;
      for (int r = 0; r < kIn; ++r) {
        Maps<Isa>::filter(e + r * kIn, 1);
        for (int q = 0; q < kIn; ++q) Isa::store(to + (r * kIn + q) * plane, e[r * kIn + q]);
      }
    }
}

// dw = G^T dU G for the input channels `own`. dU is the sum over all threads' parts, in order. A part holds the
// channels `held`: [position][channel][o].
template <class Isa>
void filter_gradients(const ConvShape& s, const float* du, int64_t threads, Range held, Range own, float* dw) {
  using Vector = typename Isa::Vector;
  constexpr int kBlock = 16;  // channels that are written together: rows of dw lie far apart
  const int64_t row = padded_channels(s.o), plane = (held.end - held.begin) * row;
  float block[Isa::kLanes][9][kBlock];
  for (int64_t c0 = own.begin; c0 < own.end; c0 += kBlock)
    for (int64_t o = 0; o < s.o; o += Isa::kLanes) {
      const int64_t channels = smaller(kBlock, own.end - c0);
      for (int64_t c = 0; c < channels; ++c) {
        Vector e[kPositions];
        for (int p = 0; p < kPositions; ++p) {
          const float* const from = du + p * plane + (c0 + c - held.begin) * row + o;
          e[p] = Isa::load(from);
          for (int64_t t = 1; t < threads; ++t) e[p] += Isa::load(from + t * kPositions * plane);
        }
        for (int q = 0; q < kIn; ++q) Maps<Isa>::filter_gradient(e + q, kIn);
        for (int r = 0; r < 3; ++r) {
          Maps<Isa>::filter_gradient(e + r * kIn, 1);
          for (int q = 0; q < 3; ++q)
            for (int lane = 0; lane < Isa::kLanes; ++lane) block[lane][r * 3 + q][c] = e[r * kIn + q][lane];
        }
      }
      for (int64_t lane = 0; lane < smaller(Isa::kLanes, s.o - o); ++lane)
        for (int tap = 0; tap < 9; ++tap)
          __builtin_memcpy(dw + ((o + lane) * 9 + tap) * s.c + c0, block[lane][tap], size_t(channels) * sizeof(float));
    }
}

}  // namespace
}  // namespace skein::cpu
