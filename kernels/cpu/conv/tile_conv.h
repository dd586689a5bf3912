// Forward pass and backward data with tiles (dialect/amx_tiles.h, portable_tiles.h): bf16 operands, sums in f32.
// A product has 16 output pixels as lines and 16 output channels as columns; blocks of 3 x 2 products share what they
// load. A thread copies some rows of images into the layout of tile_lines.h, as many as stay in its L2, and then goes
// over all filters, 32 outputs at a time. Results do not depend on the number of threads.
#pragma once

#include "kernels/cpu/conv/implementation.h"
#include "kernels/cpu/conv/residues.h"
#include "kernels/cpu/conv/tile_lines.h"
#include "kernels/cpu/conv/tile_product.h"

namespace skein::cpu {
namespace {

// y[n,a,b,:] = sum over taps (i,j) of x[n, a*stride + first_row + i, b*stride + first_column + j, :] times the filter's
// numbers of that tap.
struct TileConv {
  int64_t n, h, w, c;        // x
  int64_t rows, columns, o;  // y
  int64_t stride, first_row, first_column, taps_h, taps_w;
  int64_t image_step, row_step, column_step;  // numbers between outputs
  bool across;                                // filters are packed across outputs: see put_all_filters()
};

// How a convolution is cut: pieces of `strip` rows of a group of images; a thread takes `chunk` pieces at a time.
struct TilePlan {
  int64_t room, width, blocks;  // slots of a line; channels of a slot; blocks of channels
  bool in_place;                // lines are read where x lies: 1 x 1, 32 channels to a line, rows of 16 pixels
  Steps steps;
  int64_t group, groups, strip, strips, chunk;
  Lines lines;
  int64_t output_tiles;  // 16 outputs each, that a block computes at once: 1 or 2

  static constexpr int64_t kStripBytes = 512 << 10, kChunkBytes = 1 << 20;

  TilePlan(const TileConv& g, int64_t threads)
      : room(g.c <= 8    ? 4
             : g.c <= 16 ? 2
                         : 1),
        width(32 / room),
        blocks(room > 1 ? 1 : parts(g.c, 32)),
        in_place(g.taps_h == 1 && g.taps_w == 1 && g.stride == 1 && g.c % 32 == 0 && g.columns == 16 && g.n == 1 &&
                 g.w == 16 && g.first_row == 0 && g.first_column == 0),
        steps(g.taps_w, g.stride, room),
        group(group_of(g.n, g.columns)),
        groups(parts(g.n, group)),
        strip(g.rows),
        lines(of_strip(g)),
        output_tiles(g.o <= 16 ? 1 : 2) {
    while (strip > 1 && (lines.bytes() > kStripBytes || groups * parts(g.rows, strip) < threads)) {
      strip = (strip + 1) / 2;
      lines = of_strip(g);
    }
    strips = parts(g.rows, strip);
    chunk = smaller(larger(1, kChunkBytes / larger(1, lines.bytes())), parts(groups * strips, threads));
  }
  Lines of_strip(const TileConv& g) const { return {group, g.columns, strip, g.taps_h, g.stride, steps, blocks}; }
  int64_t pieces() const { return groups * strips; }
  int64_t tiles() const { return chunk * strip * lines.tiles; }
  int64_t columns_of_block() const { return blocks * steps.count * output_tiles * kTile; }  // bytes, of a row of taps
};

// 16 output pixels.
struct TileOutput {
  const char* lines;  // of the first tap
  Bf16* to;
  const int64_t* offsets;  // of each pixel from `to`; -1: there is none
  int64_t low, high;       // rows of taps that lie within x
  int64_t images;          // of the group
  bool is_whole;           // all 16 pixels are outputs
};

struct TileLoop {
  int64_t blocks, taps_h, steps;
  int64_t block, row, stride;  // bytes between blocks of channels, rows, lines
  int64_t step[kMaxTaps];      // bytes
  int64_t group, outputs;      // images; channels left for this block
};

[[gnu::always_inline]] inline void round_sum(const float* sum, Bf16* to) {
  typename Bf16Vector<16>::V v;
  __builtin_memcpy(&v, sum, sizeof v);
  Bf16Vector<16>::store(to, v);
}

// Rounds the sums of kM x kN products to bf16.
template <int kM, int kN>
void round_sums(const TileOutput* t, const float* sums, const TileLoop& l, int64_t first) {
  for (int m = 0; m < kM; ++m, sums += kN * 256) {
    Bf16* const to = t[m].to + first;
    const int64_t* const offsets = t[m].offsets;
    if (t[m].is_whole && l.outputs >= kN * 16) {
      for (int e = 0; e < 16; ++e)
        for (int n = 0; n < kN; ++n) round_sum(sums + n * 256 + e * 16, to + offsets[e] + n * 16);
      continue;
    }
    for (int64_t e = 0; e < 16; ++e) {
      if (offsets[e] < 0 || (e & (l.group - 1)) >= t[m].images) continue;
      Bf16 rounded[kN * 16];
      for (int n = 0; n < kN; ++n) round_sum(sums + n * 256 + e * 16, rounded + n * 16);
      for (int64_t i = 0; i < smaller(l.outputs, kN * 16); ++i) to[offsets[e] + i] = rounded[i];
    }
  }
}

template <class Tiles, int kM, int kN>
void tile_block(const TileOutput* t, const char* filters, const TileLoop& l, int64_t first, StoresAwake<Tiles>& awake,
                float* results) {
  const char *lines[kM], *columns[kN];
  float* sums[kM * kN];
  for (int m = 0; m < kM; ++m) lines[m] = t[m].lines;
  for (int n = 0; n < kN; ++n) columns[n] = filters + n * kTile;
  for (int i = 0; i < kM * kN; ++i) sums[i] = results + i * 256;
  zero_sums<Tiles, kM * kN>();
  for (int64_t b = 0; b < l.blocks; ++b)
    for (int64_t i = t->low; i < t->high; ++i) {
      const int64_t at = b * l.block + i * l.row, filter = (b * l.taps_h + i) * l.steps * kN * kTile;
      awake.after(l.steps);
      for (int64_t s = 0; s < l.steps; ++s)
        multiply_tiles<Tiles, kM, kN>(lines, at + l.step[s], l.stride, columns, filter + s * kN * kTile);
    }
  store_sums<Tiles, kM * kN>(sums);
  round_sums<kM, kN>(t, results, l, first);
}

template <class Tiles>
using TileBlock = void (*)(const TileOutput*, const char*, const TileLoop&, int64_t, StoresAwake<Tiles>&, float*);

// The block for the first of `left` tiles of outputs that have the same rows of taps; m: their number.
template <class Tiles>
TileBlock<Tiles> block_for(int64_t left, int64_t output_tiles, int64_t& m) {
  if (output_tiles == 1) {
    m = left >= 6 ? 6 : left >= 3 ? 3 : left;
    return m == 6   ? tile_block<Tiles, 6, 1>
           : m == 3 ? tile_block<Tiles, 3, 1>
           : m == 2 ? tile_block<Tiles, 2, 1>
                    : tile_block<Tiles, 1, 1>;
  }
  m = left == 4 ? 2 : smaller(left, 3);
  return m == 3 ? tile_block<Tiles, 3, 2> : m == 2 ? tile_block<Tiles, 2, 2> : tile_block<Tiles, 1, 2>;
}

// Copies the rows of x that a piece reads, of every image of its group.
template <class Tiles>
void put_piece(const TileConv& g, const TilePlan& p, const Bf16* x, int64_t piece, char* to) {
  const int64_t first_image = piece / p.strips * p.group;
  const int64_t first = piece % p.strips * p.strip * g.stride + g.first_row;
  const int64_t low = larger(0, -first), high = smaller(p.lines.rows, g.h - first);
  for (int64_t r = low; r < high; ++r)
    for (int64_t i = 0; i < p.group; ++i) {
      const int64_t image = smaller(first_image + i, g.n - 1), numbers = first_image + i < g.n ? p.width : 0;
      const Bf16* const row = x + (image * g.h + first + r) * g.w * g.c;
      const auto put = [&](char* line, int64_t column, int64_t block, int64_t plane, bool is_inside)
          __attribute__((always_inline)) {
        Bf16* const to_line = reinterpret_cast<Bf16*>(line);
        const int64_t n = smaller(numbers, g.c - block * 32);
        const Bf16* const from = row + column * g.c;
        if (is_inside && p.room == 1) return Tiles::copy(to_line, from + block * 32, n, 32);
        if (is_inside && p.room == 2 && p.steps.slots[plane] == 2) {
          Tiles::copy(to_line, from, n, 16);
          return Tiles::copy(to_line + 16, from + g.stride * g.c, n, 16);
        }
        for (int64_t slot = 0; slot < p.room; ++slot, column += g.stride) {
          const bool is_in = slot < p.steps.slots[plane] && (is_inside || (column >= 0 && column < g.w));
          Tiles::copy(to_line + slot * p.width, row + (is_in ? column * g.c + block * 32 : 0), is_in ? n : 0, p.width);
        }
      };
      put_row(p.lines, p.steps, g.first_column, g.stride, g.w, to + r * p.lines.row + i * kLine, put);
    }
}

// The outputs of a chunk of pieces, row by row over all pieces: rows at an edge of the images come one after the other.
int64_t list_outputs(const TileConv& g, const TilePlan& p, const Bf16* x, const char* lines, Bf16* y,
                     const int64_t* offsets, int64_t piece, int64_t end, TileOutput* list) {
  int64_t count = 0;
  for (int64_t a = 0; a < p.strip; ++a)
    for (int64_t v = piece; v < end; ++v) {
      const int64_t row = v % p.strips * p.strip + a, first = row * g.stride + g.first_row;
      if (row >= g.rows) continue;
      const int64_t image = v / p.strips * p.group, low = larger(0, -first);
      const char* from = p.in_place ? reinterpret_cast<const char*>(x + row * g.columns * g.c)
                                    : lines + (v - piece) * p.lines.bytes() + a * g.stride * p.lines.row;
      for (int64_t t = 0; t < p.lines.tiles; ++t)
        list[count++] = {from + t * kTile,
                         y + image * g.image_step + row * g.row_step,
                         offsets + t * 16,
                         low,
                         larger(low, smaller(g.taps_h, g.h - first)),
                         smaller(p.group, g.n - image),
                         g.n - image >= p.group && (t + 1) * 16 <= p.group * g.columns};
    }
  return count;
}

// Packs the filters with all threads of the team. put_filters(output, block, row of taps, step, to) packs a tile of
// columns, for 16 outputs. What is neighbouring in the weights is packed together: blocks of channels in the forward
// pass, outputs in backward data (`across`).
template <class PutFilters>
void put_all_filters(const TileConv& g, const TilePlan& p, const PutFilters& put_filters, char* to) {
  const int64_t tiles = parts(g.o, 16 * p.output_tiles) * p.output_tiles;
  const int64_t outer = g.across ? p.blocks : tiles, inner = g.across ? tiles : p.blocks;
#pragma omp for schedule(static)
  for (int64_t u = 0; u < outer; ++u)
    for (int64_t i = 0; i < g.taps_h; ++i)
      for (int64_t s = 0; s < p.steps.count; ++s)
        for (int64_t v = 0; v < inner; ++v) {
          const int64_t tile = g.across ? v : u, b = g.across ? u : v;
          const int64_t step = (b * g.taps_h + i) * p.steps.count + s;
          put_filters(tile * 16, b, i, s,
                      to + tile / p.output_tiles * g.taps_h * p.columns_of_block() +
                          (step * p.output_tiles + tile % p.output_tiles) * kTile);
        }
}

// put_filters: see above.
template <class Tiles, class PutFilters>
void tile_convolve(const TileConv& g, const Bf16* x, const PutFilters& put_filters, Bf16* y) {
  const TilePlan p(g, omp_get_max_threads());
  const int64_t output_blocks = parts(g.o, 16 * p.output_tiles), block_bytes = g.taps_h * p.columns_of_block();
  const int64_t offset_bytes = p.lines.tiles * 16 * int64_t(sizeof(int64_t)), results = 6 * kTile;
  const int64_t line_bytes = p.in_place ? 0 : p.chunk * p.lines.bytes();
  const int64_t list_bytes = parts(p.tiles() * int64_t(sizeof(TileOutput)), kLine) * kLine;
  const int64_t thread_bytes = line_bytes + list_bytes + results;
  char* const filters = static_cast<char*>(
      conv_scratch(size_t(output_blocks * block_bytes + offset_bytes + omp_get_max_threads() * thread_bytes)));
  int64_t* const offsets = reinterpret_cast<int64_t*>(filters + output_blocks * block_bytes);
  for (int64_t e = 0; e < p.lines.tiles * 16; ++e)
    offsets[e] = e / p.group < g.columns ? e % p.group * g.image_step + e / p.group * g.column_step : -1;

  TileLoop l{p.blocks, g.taps_h, p.steps.count, p.lines.planes * p.lines.plane, p.lines.row, kLine, {}, p.group, 0};
  if (p.in_place) l.block = kLine, l.row = 0, l.stride = g.c * int64_t(sizeof(Bf16));
  for (int64_t s = 0; s < l.steps; ++s)
    l.step[s] = p.steps.plane[s] * p.lines.plane + p.steps.shift[s] * p.group * kLine;

#pragma omp parallel
  {
    Tiles::begin();
    TileLoop loop = l;
    StoresAwake<Tiles> awake;
    put_all_filters(g, p, put_filters, filters);
    char* const lines = reinterpret_cast<char*>(offsets) + offset_bytes + omp_get_thread_num() * thread_bytes;
    TileOutput* const list = reinterpret_cast<TileOutput*>(lines + line_bytes);
    float* const sums = reinterpret_cast<float*>(lines + line_bytes + list_bytes);
    const Range mine = range_of_thread(p.pieces());
    for (int64_t piece = mine.begin; piece < mine.end; piece += p.chunk) {
      const int64_t end = smaller(mine.end, piece + p.chunk);
      for (int64_t v = piece; v < end && !p.in_place; ++v)
        put_piece<Tiles>(g, p, x, v, lines + (v - piece) * p.lines.bytes());
      const int64_t count = list_outputs(g, p, x, lines, y, offsets, piece, end, list);
      for (int64_t b = 0; b < output_blocks; ++b) {
        loop.outputs = g.o - b * 16 * p.output_tiles;
        for (int64_t at = 0, same = 0, m = 0; at < count; at += m) {
          while (same < count && list[same].low == list[at].low && list[same].high == list[at].high) ++same;
          block_for<Tiles>(same - at, p.output_tiles, m)(list + at, filters + b * block_bytes, loop,
                                                         b * 16 * p.output_tiles, awake, sums);
        }
      }
    }
    Tiles::end();
  }
}

}  // namespace
}  // namespace skein::cpu
