// Backward weights with tiles: dw[o,i,j,c] = sum over pixels of dy times shifted x. What is summed is neighbouring
// pixels of pairs of images: a line of the transposed dy is 16 pixels of two images for one output, a line of x the 16
// channels of a pixel of two images, so that a tap is a shift by whole lines (tile_lines.h). Blocks of 2 x 3 products
// stay in registers over all rows of a chunk. Threads have sums of their own, added in order; where these are large,
// threads split the outputs instead.
#pragma once

#include "kernels/cpu/conv/implementation.h"
#include "kernels/cpu/conv/tile_lines.h"
#include "kernels/cpu/conv/tile_product.h"

namespace skein::cpu {
namespace {

struct WeightsPlan {
  // Bytes that a block of products reads of a chunk: they are to stay in the L2 beside its sums.
  static constexpr int64_t kChunkBytes = 256 << 10, kSharedChunkBytes = 768 << 10;
  static constexpr int64_t kSharedSums = 8 << 20;  // bytes from which threads share them

  int64_t room, width, blocks;  // slots of a line of x; channels of a slot; blocks of 16 channels
  Steps steps;
  int64_t pairs, groups, strip, strips, chunk;
  Lines lines;           // of x
  int64_t output_tiles;  // of 16
  int64_t columns;       // tiles of columns for a row of taps: (block, step)
  bool shared;

  WeightsPlan(const ConvShape& s, int64_t threads)
      : room(s.c <= 4   ? 4
             : s.c <= 8 ? 2
                        : 1),
        width(16 / room),
        blocks(parts(s.c, 16)),
        steps(s.k, s.s, room),
        pairs(group_of(parts(s.n, 2), s.ow)),
        groups(parts(s.n, 2 * pairs)),
        strip(s.oh),
        lines(of_strip(s)),
        output_tiles(parts(s.o, 16)),
        columns(blocks * steps.count),
        shared(output_tiles * s.k * columns * kTile >= kSharedSums) {
    const int64_t most = shared ? kSharedChunkBytes : kChunkBytes;
    while (strip > 1 && (read_by_block() > most || (!shared && groups * parts(s.oh, strip) < threads))) {
      strip = (strip + 1) / 2;
      lines = of_strip(s);
    }
    strips = parts(s.oh, strip);
    chunk = smaller(larger(1, most / read_by_block()), shared ? pieces() : parts(pieces(), threads));
  }
  Lines of_strip(const ConvShape& s) const { return {pairs, s.ow, strip, s.k, s.s, steps, blocks}; }
  int64_t pieces() const { return groups * strips; }
  int64_t gradient_tile() const { return strip * lines.tiles * kTile; }  // bytes of a piece's dy, of 16 outputs
  int64_t bytes() const { return lines.bytes() + output_tiles * gradient_tile(); }
  int64_t read_by_block() const { return smaller(blocks, 3) * lines.bytes() / blocks + 2 * gradient_tile(); }
  int64_t sums(const ConvShape& s) const { return output_tiles * s.k * columns * 256; }
};

// Copies row r of those of x that a piece reads, pair by pair of its group.
template <class Tiles>
void put_x(const ConvShape& s, const WeightsPlan& p, const Bf16* x, int64_t piece, int64_t r, char* to) {
  const int64_t first_image = piece / p.strips * 2 * p.pairs, row = piece % p.strips * p.strip * s.s - s.p + r;
  if (row < 0 || row >= s.h) return;
  for (int64_t i = 0; i < p.pairs; ++i) {
    const int64_t a = first_image + 2 * i, b = a + 1;
    const Bf16* const row_a = x + (smaller(a, s.n - 1) * s.h + row) * s.w * s.c;
    const Bf16* const row_b = x + (smaller(b, s.n - 1) * s.h + row) * s.w * s.c;
    const int64_t of_a = a < s.n ? p.width : 0, of_b = b < s.n ? p.width : 0;
    const auto put = [&](char* line, int64_t column, int64_t block, int64_t plane, bool is_inside)
        __attribute__((always_inline)) {
      const int64_t left = s.c - block * 16, at = column * s.c + block * 16;
      if (is_inside && p.room == 1)
        return Tiles::pair(line, row_a + at, smaller(left, of_a), row_b + at, smaller(left, of_b));
      // Slots are 4 or 8 numbers wide, a copy 8: the next slot goes over the rest.
      Bf16 both[2][16 + 8];
      for (int64_t slot = 0; slot < p.room; ++slot, column += s.s) {
        const bool is_in = slot < p.steps.slots[plane] && (is_inside || (column >= 0 && column < s.w));
        const int64_t from = is_in ? column * s.c + block * 16 : 0, n = is_in ? smaller(p.width, left) : 0;
        for (int64_t h = 0; h < p.width; h += 8) {
          const int64_t at_h = from + (n > h ? h : 0);
          Tiles::copy(both[0] + slot * p.width + h, row_a + at_h, larger(0, smaller(n, of_a) - h), 8);
          Tiles::copy(both[1] + slot * p.width + h, row_b + at_h, larger(0, smaller(n, of_b) - h), 8);
        }
      }
      Tiles::pair(line, both[0], 16, both[1], 16);
    };
    put_row(p.lines, p.steps, -s.p, s.s, s.w, to + r * p.lines.row + i * kLine, put);
  }
}

// Copies row a of a piece's dy, transposed: [16 outputs of the tile][16 pixels][image of the pair].
template <class Tiles>
void put_gradient(const ConvShape& s, const WeightsPlan& p, const Bf16* dy, int64_t piece, int64_t a, char* to) {
  const int64_t first_image = piece / p.strips * 2 * p.pairs, row = piece % p.strips * p.strip + a;
  const int64_t size = s.oh * s.ow * s.o;
  if (row >= s.oh) return;
  for (int64_t t = 0; t < p.lines.tiles; ++t) {
    const Bf16* from[16];  // the pixel of the first image of the pair
    int64_t images[16];    // of the pair that are there; 0 beyond the row
    for (int64_t e = 0; e < 16; ++e) {
      const int64_t column = (t * 16 + e) / p.pairs, image = first_image + 2 * ((t * 16 + e) % p.pairs);
      images[e] = column < s.ow ? larger(0, smaller(2, s.n - image)) : 0;
      from[e] = images[e] > 0 ? dy + image * size + (row * s.ow + column) * s.o : dy;
    }
    for (int64_t o = 0; o < p.output_tiles; ++o) {
      alignas(64) char pixels[kTile];
      const int64_t n = smaller(16, s.o - o * 16);
      for (int64_t e = 0; e < 16; ++e) {
        const Bf16* const first_of_pair = from[e] + o * 16;
        Tiles::pair(pixels + e * kLine, first_of_pair, images[e] > 0 ? n : 0,
                    first_of_pair + (images[e] > 1 ? size : 0), images[e] > 1 ? n : 0);
      }
      Tiles::transpose(pixels, to + o * p.gradient_tile() + (a * p.lines.tiles + t) * kTile);
    }
  }
}

// The pieces from `piece` to `end`, and where their copies of x and of dy begin.
struct WeightsChunk {
  const char *x, *gradient;
  int64_t piece, end;
};

// Adds the products of kM tiles of outputs with kN of columns, over the rows of a chunk, to their sums.
template <class Tiles, int kM, int kN>
void weights_block(const ConvShape& s, const WeightsPlan& p, const WeightsChunk& c, int64_t output, int64_t i,
                   int64_t column, bool first, StoresAwake<Tiles>& awake, float* all_sums) {
  float* sums[kM * kN];
  int64_t offsets[kN];
  for (int n = 0; n < kN; ++n) {
    const int64_t block = (column + n) / p.steps.count, step = (column + n) % p.steps.count;
    offsets[n] = (block * p.lines.planes + p.steps.plane[step]) * p.lines.plane + p.steps.shift[step] * p.pairs * kLine;
    for (int m = 0; m < kM; ++m)
      sums[m * kN + n] = all_sums + (((output + m) * s.k + i) * p.columns + column + n) * 256;
  }
  if (first)
    zero_sums<Tiles, kM * kN>();
  else
    load_sums<Tiles, kM * kN>(const_cast<const float* const(&)[kM * kN]>(sums));
  for (int64_t v = c.piece; v < c.end; ++v)
    for (int64_t a = 0; a < p.strip; ++a) {
      const int64_t out_row = v % p.strips * p.strip + a, row = out_row * s.s + i - s.p;
      if (out_row >= s.oh || row < 0 || row >= s.h) continue;
      const char *lines[kM], *columns[kN];
      for (int m = 0; m < kM; ++m)
        lines[m] = c.gradient + (v - c.piece) * p.output_tiles * p.gradient_tile() + (output + m) * p.gradient_tile() +
                   a * p.lines.tiles * kTile;
      for (int n = 0; n < kN; ++n)
        columns[n] = c.x + (v - c.piece) * p.lines.bytes() + (a * s.s + i) * p.lines.row + offsets[n];
      for (int64_t t = 0; t < p.lines.tiles; ++t) {
        awake.after(1);
        multiply_tiles<Tiles, kM, kN>(lines, t * kTile, kLine, columns, t * kTile);
      }
    }
  store_sums<Tiles, kM * kN>(sums);
}

// All outputs and rows of taps for kN columns: what these read of x stays in the cache. kN is 6 for a single tile of
// outputs alone; else 3 at most, as two tiles have six sums.
template <class Tiles, int kN>
void weights_columns(const ConvShape& s, const WeightsPlan& p, const WeightsChunk& c, Range outputs, int64_t column,
                     bool first, StoresAwake<Tiles>& awake, float* sums) {
  for (int64_t o = outputs.begin; o < outputs.end; o += 2)
    for (int64_t i = 0; i < s.k; ++i)
      if (o + 1 < outputs.end)
        weights_block<Tiles, 2, (kN < 3 ? kN : 3)>(s, p, c, o, i, column, first, awake, sums);
      else
        weights_block<Tiles, 1, kN>(s, p, c, o, i, column, first, awake, sums);
}

template <class Tiles>
void weights_outputs(const ConvShape& s, const WeightsPlan& p, const WeightsChunk& c, Range outputs, bool first,
                     StoresAwake<Tiles>& awake, float* sums) {
  const bool single = outputs.end - outputs.begin == 1;
  for (int64_t column = 0; column < p.columns;) {
    const int64_t left = p.columns - column, n = single && left >= 6 ? 6 : left >= 3 ? 3 : 1;
    (n == 6   ? weights_columns<Tiles, 6>
     : n == 3 ? weights_columns<Tiles, 3>
              : weights_columns<Tiles, 1>)(s, p, c, outputs, column, first, awake, sums);
    column += n;
  }
}

// Adds the threads' sums in their order, for 16 outputs and row i of the kernel.
inline void put_weights(const ConvShape& s, const WeightsPlan& p, const float* sums, int64_t threads, int64_t tile,
                        int64_t i, float* dw) {
  for (int64_t block = 0; block < p.blocks; ++block)
    for (int64_t j = 0; j < s.k; ++j) {
      const int64_t column = block * p.steps.count + p.steps.step_of[j], n = smaller(p.width, s.c - block * 16);
      const float* from = sums + ((tile * s.k + i) * p.columns + column) * 256 + p.steps.slot_of[j] * p.width;
      for (int64_t o = tile * 16; o < smaller(s.o, tile * 16 + 16); ++o, from += 16) {
        float* const to = dw + ((o * s.k + i) * s.k + j) * s.c + block * 16;
        for (int64_t c = 0; c < n; ++c) to[c] = from[c];
        for (int64_t t = 1; t < threads; ++t)
          for (int64_t c = 0; c < n; ++c) to[c] += from[t * p.sums(s) + c];
      }
    }
}

template <class Tiles>
void tile_backward_weights(const ConvShape& s, const Bf16* x, const Bf16* dy, float* dw) {
  const int64_t threads = omp_get_max_threads();
  const WeightsPlan p(s, threads);
  const int64_t of_x = p.chunk * p.lines.bytes(), piece = p.chunk * p.bytes(), all = p.sums(s);
  const int64_t own = p.shared ? 1 : threads;  // sums and pieces
  char* const scratch = static_cast<char*>(conv_scratch(size_t(own * (piece + all * int64_t(sizeof(float))))));
  float* const sums = reinterpret_cast<float*>(scratch + own * piece);
#pragma omp parallel
  {
    Tiles::begin();
    StoresAwake<Tiles> awake;
    const int64_t thread = omp_get_thread_num(), mine = p.shared ? 0 : thread;
    const Range pieces = p.shared ? Range{0, p.pieces()} : range_of_thread(p.pieces());
    const Range outputs = p.shared ? range_of_thread(p.output_tiles) : Range{0, p.output_tiles};
    char *const lines = scratch + mine * piece, *const gradient = lines + of_x;
    if (pieces.begin == pieces.end) __builtin_memset(sums + mine * all, 0, size_t(all) * sizeof(float));
    for (int64_t v = pieces.begin; v < pieces.end; v += p.chunk) {
      const WeightsChunk c{lines, gradient, v, smaller(pieces.end, v + p.chunk)};
      const int64_t rows = p.lines.rows + p.strip;  // of a piece: of x and of dy
      const Range to_put = p.shared ? range_of_thread(rows * (c.end - v)) : Range{0, rows * (c.end - v)};
      for (int64_t u = to_put.begin; u < to_put.end; ++u) {
        const int64_t i = u / rows, row = u % rows;
        if (row < p.lines.rows)
          put_x<Tiles>(s, p, x, v + i, row, lines + i * p.lines.bytes());
        else
          put_gradient<Tiles>(s, p, dy, v + i, row - p.lines.rows, gradient + i * p.output_tiles * p.gradient_tile());
      }
      if (p.shared) {
#pragma omp barrier
      }
      weights_outputs<Tiles>(s, p, c, outputs, v == pieces.begin, awake, sums + mine * all);
      if (p.shared) {
#pragma omp barrier
      }
    }
    Tiles::end();
#pragma omp barrier
#pragma omp for schedule(static)
    for (int64_t unit = 0; unit < p.output_tiles * s.k; ++unit)
      put_weights(s, p, sums, p.shared ? 1 : omp_get_num_threads(), unit / s.k, unit % s.k, dw);
  }
}

}  // namespace
}  // namespace skein::cpu
