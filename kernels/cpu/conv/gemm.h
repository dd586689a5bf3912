// Matrix product of the CPU convolutions, in f32; C may be bf16, rounded once. Rows of C times one or two vectors of
// columns are kept in registers:
//   C(r,:)  = sum_{j<outer} sum_{k<inner} A(r,j,k) * B(j,k,:)   where A(r,j,k) = a[j*a_outer + k + r*a_step]
//   C(r,:) += the same when transposed,                         where A(r,j,k) = a[j*a_outer + k*a_step + r]
//   B(j,k,panel) = b[j*b_outer + k*b_inner + panel*b_panel + 0..width)
// B is stored in panels: `width` columns, one or two vectors, side by side. A and B are words of 32 bits: an f32, or
// where Isa::kPerWord is 2 a pair of bf16 numbers, whose two products are both added.
// This file is compiled once per instruction set, and the linker must not merge the copies. Everything is therefore in
// an anonymous namespace, and nothing from std is used.
#pragma once

#include <stdint.h>

namespace skein::cpu {
namespace {

struct Gemm {  // sizes, and strides in words; of C in elements
  int64_t rows, columns, outer, inner;
  int64_t a_step, a_outer;
  int64_t b_inner, b_outer, b_panel;
  int64_t c_row;
};

template <class C>
using RowBlock = void (*)(const Gemm&, const float* a, const float* b, C* c, int64_t blocks);

// Addresses of the rows of A: one pointer for every four rows, so that [p], [p + s], [p + 2s] and [p + 3s] are each one
// addressing mode. Without this the compiler keeps one register per row and spills them.
template <int kRows, bool kTransposed>
struct Rows {
  static constexpr int kPointers = kTransposed ? 1 : (kRows + 3) / 4;
  const float* pointer[kPointers];
  int64_t step;

  [[gnu::always_inline]] Rows(const float* a, int64_t step) : step(step) {
#pragma GCC unroll 8
    for (int i = 0; i < kPointers; ++i) pointer[i] = a + 4 * i * step;
  }
  [[gnu::always_inline]] const float* operator[](int r) const {
    return kTransposed ? pointer[0] + r : pointer[r / 4] + r % 4 * step;
  }
  [[gnu::always_inline]] void next() {
#pragma GCC unroll 8
    for (int i = 0; i < kPointers; ++i) {
      pointer[i] += kTransposed ? step : 1;
      asm("" : "+r"(pointer[i]));  // prevents the compiler from deriving one pointer from another
    }
  }
};

template <class Isa, int kRows, int kVectors, bool kTransposed, class C>
void row_block(const Gemm& g, const float* a, const float* b, C* c, int64_t blocks) {
  const int64_t inner = g.inner, b_inner = g.b_inner, c_row = g.c_row;
  for (; blocks > 0; --blocks, a += kRows * (kTransposed ? 1 : g.a_step), c += kRows * c_row) {
    typename Isa::Vector sum[kRows][kVectors] = {};
    for (int64_t j = 0; j < g.outer; ++j) {
      Rows<kRows, kTransposed> rows(a + j * g.a_outer, g.a_step);
      const float* bk = b + j * g.b_outer;
      for (int64_t k = 0; k < inner; ++k, rows.next(), bk += b_inner) {
        typename Isa::Vector columns[kVectors];
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) columns[v] = Isa::load(bk + v * Isa::kLanes);
#pragma GCC unroll 24
        for (int r = 0; r < kRows; ++r) {
          const auto x = Isa::broadcast(rows[r]);
#pragma GCC unroll 2
          for (int v = 0; v < kVectors; ++v) sum[r][v] = Isa::fma(x, columns[v], sum[r][v]);
        }
      }
    }
#pragma GCC unroll 24
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        C* to = c + r * c_row + v * Isa::kLanes;
        Isa::store(to, kTransposed ? Isa::load(to) + sum[r][v] : sum[r][v]);
      }
  }
}

template <class Isa, int kVectors, bool kTransposed, class C, int kRows>
RowBlock<C> row_block_of(int64_t rows) {
  if (rows == kRows) return row_block<Isa, kRows, kVectors, kTransposed, C>;
  if constexpr (kRows > 1) return row_block_of<Isa, kVectors, kTransposed, C, kRows - 1>(rows);
  return nullptr;
}

template <class Isa>
bool two_vectors(int64_t columns) {
  return columns % (2 * Isa::kLanes) == 0;
}

template <class Isa>
int64_t panel_width(int64_t columns) {
  return two_vectors<Isa>(columns) ? 2 * Isa::kLanes : Isa::kLanes;
}

// g.columns is a multiple of 16. Rows are split into blocks of two sizes that differ by one.
template <class Isa, bool kTransposed, class C>
void gemm(const Gemm& g, const float* a, const float* b, C* c) {
  const bool two = two_vectors<Isa>(g.columns);
  const int64_t most = two ? Isa::kMaxRows : Isa::kMaxRowsNarrow, width = panel_width<Isa>(g.columns);
  const int64_t blocks = (g.rows + most - 1) / most, small = g.rows / blocks, larges = g.rows % blocks;
  const auto pick = two ? row_block_of<Isa, 2, kTransposed, C, Isa::kMaxRows>
                        : row_block_of<Isa, 1, kTransposed, C, Isa::kMaxRowsNarrow>;
  const RowBlock<C> small_block = pick(small), large_block = larges ? pick(small + 1) : small_block;
  const int64_t first = larges * (small + 1);  // row of the first small block
  for (int64_t column = 0; column < g.columns; column += width, b += g.b_panel) {
    large_block(g, a, b, c + column, larges);
    small_block(g, a + first * (kTransposed ? 1 : g.a_step), b, c + first * g.c_row + column, blocks - larges);
  }
}

}  // namespace
}  // namespace skein::cpu
