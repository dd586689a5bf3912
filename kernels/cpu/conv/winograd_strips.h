// What Winograd's F(4x4, 3x3) does to memory: images to and from the 36 planes of U = B'xB, A dy A' and the products, a
// strip (one row of tiles of one image) at a time, and weights to and from G w G'. In a plane a tile is a row of
// channels; planes lie `plane` floats apart. All vectors run along channels. In planes and packed weights channels are
// filled up with zeros to a multiple of 16; the operands' own last vector is read and written in part.
#pragma once

#include "kernels/cpu/conv/direct.h"
#include "kernels/cpu/conv/winograd_maps.h"

namespace skein::cpu {
namespace {

constexpr int kPositions = kIn * kIn;
constexpr int64_t kBlockTiles = 32;  // with 64 channels U, the products and V take 295 + 295 + 590 KB: about L2

int64_t filled(int64_t channels) { return in_lines(channels); }

// One vector of a pixel's channels, `left` of them before the next pixel.
template <class Isa>
[[gnu::always_inline]] inline typename Isa::Vector load_channels(const float* p, int64_t left) {
  return left >= Isa::kLanes ? Isa::load(p) : Isa::load(p, int(left));
}
template <class Isa>
[[gnu::always_inline]] inline void store_channels(float* p, typename Isa::Vector v, int64_t left) {
  left >= Isa::kLanes ? Isa::store(p, v) : Isa::store(p, v, int(left));
}

struct Strips {
  int64_t rows, tiles, per_block;  // strips of an image, tiles of a strip, strips of a block
  explicit Strips(Image image)
      : rows((image.h + kOut - 1) / kOut),
        tiles((image.w + kOut - 1) / kOut),
        per_block(larger(1, kBlockTiles / tiles)) {}
  int64_t offset(int64_t strip, Image image) const {  // of its first row in a batch of images
    return strip / rows * image.size() + strip % rows * kOut * image.row();
  }
  int64_t plane(int64_t channels) const {
    return per_block * tiles * filled(channels) + 16;
  }  // not a power of two: L1 sets
};

// The first `channels` of strip i of an image -> U, whose positions lie `plane` apart. Neighbouring tiles share two
// columns.
template <class Isa>
void strip_to_input(const float* x, Image image, int64_t channels, int64_t i, const float* zeros, float* u,
                    int64_t plane) {
  using V = typename Isa::Vector;
  const float* rows[kIn];
  for (int r = 0; r < kIn; ++r) {
    const int64_t h = i * kOut - 1 + r;
    rows[r] = h >= 0 && h < image.h ? x + h * image.row() : zeros;
  }
  const int64_t c = image.c, row = filled(channels), tiles = (image.w + kOut - 1) / kOut;
  for (int64_t channel = 0; channel < channels; channel += Isa::kLanes) {
    const int64_t left = channels - channel;
    V columns[kIn][kIn];
    const auto read = [&](int q, int64_t w) __attribute__((always_inline)) {
      const bool inside = w >= 0 && w < image.w;
#pragma GCC unroll 6
      for (int r = 0; r < kIn; ++r) columns[q][r] = inside ? load_channels<Isa>(rows[r] + w * c + channel, left) : V{};
      Maps<Isa>::input(columns[q], 1);
    };
    read(0, -1);
    read(1, 0);
    for (int64_t tile = 0; tile < tiles; ++tile) {
#pragma GCC unroll 6
      for (int q = 2; q < kIn; ++q) read(q, tile * kOut - 1 + q);
      float* to = u + tile * row + channel;
#pragma GCC unroll 6
      for (int r = 0; r < kIn; ++r) {
        V v[kIn];
#pragma GCC unroll 6
        for (int q = 0; q < kIn; ++q) v[q] = columns[q][r];
        columns[0][r] = columns[kOut][r], columns[1][r] = columns[kOut + 1][r];
        Maps<Isa>::input(v, 1);
#pragma GCC unroll 6
        for (int q = 0; q < kIn; ++q) Isa::store(to + (r * kIn + q) * plane, v[q]);
      }
    }
  }
}

// Strip i of dy -> A dy A'.
template <class Isa>
void strip_to_gradient(const float* dy, Image image, int64_t i, float* u, int64_t plane) {
  using V = typename Isa::Vector;
  const int64_t c = image.c, row = filled(c), tiles = (image.w + kOut - 1) / kOut;
  for (int64_t tile = 0; tile < tiles; ++tile)
    for (int64_t channel = 0; channel < c; channel += Isa::kLanes) {
      V v[kPositions];
#pragma GCC unroll 6
      for (int q = 0; q < kOut; ++q) {
#pragma GCC unroll 6
        for (int r = 0; r < kOut; ++r) {
          const int64_t h = i * kOut + r, w = tile * kOut + q;
          v[r * kIn + q] =
              h < image.h && w < image.w ? load_channels<Isa>(dy + (h * image.w + w) * c + channel, c - channel) : V{};
        }
        Maps<Isa>::gradient(v + q, kIn);
      }
      float* to = u + tile * row + channel;
#pragma GCC unroll 6
      for (int r = 0; r < kIn; ++r) {
        Maps<Isa>::gradient(v + r * kIn, 1);
#pragma GCC unroll 6
        for (int q = 0; q < kIn; ++q) Isa::store(to + (r * kIn + q) * plane, v[r * kIn + q]);
      }
    }
}

// U.V -> strip i of y.
template <class Isa>
void strip_from_product(const float* m, int64_t plane, float* y, Image image, int64_t i) {
  using V = typename Isa::Vector;
  const int64_t c = image.c, row = filled(c), tiles = (image.w + kOut - 1) / kOut;
  for (int64_t tile = 0; tile < tiles; ++tile)
    for (int64_t channel = 0; channel < c; channel += Isa::kLanes) {
      const float* from = m + tile * row + channel;
      V v[kPositions];
#pragma GCC unroll 6
      for (int q = 0; q < kIn; ++q) {
#pragma GCC unroll 6
        for (int r = 0; r < kIn; ++r) v[r * kIn + q] = Isa::load(from + (r * kIn + q) * plane);
        Maps<Isa>::output(v + q, kIn);
      }
#pragma GCC unroll 6
      for (int r = 0; r < kOut; ++r) {
        Maps<Isa>::output(v + r * kIn, 1);
#pragma GCC unroll 6
        for (int q = 0; q < kOut; ++q) {
          const int64_t h = i * kOut + r, w = tile * kOut + q;
          if (h < image.h && w < image.w)
            store_channels<Isa>(y + (h * image.w + w) * c + channel, v[r * kIn + q], c - channel);
        }
      }
    }
}

// w (O,3,3,C) -> V as [position][panel of columns][inner][width], for inner channels [begin, end). Forward: inner is C,
// columns O; with `flip`, which is what the data gradient sees, inner is O, columns C and the taps are reversed.
template <class Isa>
void pack_weights(const ConvShape& s, bool flip, const float* w, int64_t begin, int64_t end, float* packed) {
  using V = typename Isa::Vector;
  const int64_t inner = flip ? s.o : s.c, columns = flip ? s.c : s.o;
  const int64_t width = panel_width<Isa>(filled(columns)), plane = inner * filled(columns);
  for (int64_t column = 0; column < filled(columns); column += Isa::kLanes)
    for (int64_t i = begin; i < end; ++i) {
      V v[kPositions];
      const int64_t left = columns - column;
      for (int q = 0; q < 3; ++q) {
        for (int r = 0; r < 3; ++r) {
          const int tap = r * 3 + q;
          v[r * kIn + q] =
              left <= 0 ? V{}
              : flip    ? load_channels<Isa>(w + (i * 9 + 8 - tap) * s.c + column, left)
                        : Isa::gather(w + (column * 9 + tap) * s.c + i, int(9 * s.c), int(smaller(left, Isa::kLanes)));
        }
        Maps<Isa>::weights(v + q, kIn);
      }
      float* to = packed + column / width * inner * width + i * width + column % width;
      for (int r = 0; r < kIn; ++r) {
        Maps<Isa>::weights(v + r * kIn, 1);
        for (int q = 0; q < kIn; ++q) Isa::store(to + (r * kIn + q) * plane, v[r * kIn + q]);
      }
    }
}

// The sums of all threads, [position][c][o] each, -> dw for input channels [begin, end).
template <class Isa>
void unpack_weights(const ConvShape& s, const float* sums, int64_t threads, int64_t begin, int64_t end, float* dw) {
  using V = typename Isa::Vector;
  const int64_t row = filled(s.o), plane = s.c * row;
  for (int64_t c = begin; c < end; ++c)
    for (int64_t o = 0; o < s.o; o += Isa::kLanes) {
      V v[kPositions];
      for (int p = 0; p < kPositions; ++p) {
        v[p] = Isa::load(sums + p * plane + c * row + o);
        for (int64_t t = 1; t < threads; ++t) v[p] += Isa::load(sums + (t * kPositions + p) * plane + c * row + o);
      }
      for (int q = 0; q < kIn; ++q) Maps<Isa>::weight_gradient(v + q, kIn);
      for (int r = 0; r < 3; ++r) {
        Maps<Isa>::weight_gradient(v + r * kIn, 1);
        for (int q = 0; q < 3; ++q)
          for (int lane = 0; lane < smaller(Isa::kLanes, s.o - o); ++lane)
            dw[((o + lane) * 9 + r * 3 + q) * s.c + c] = v[r * kIn + q][lane];
      }
    }
}

}  // namespace
}  // namespace skein::cpu
