// Products of tiles: kM tiles of lines times kN tiles of packed columns, added to kM * kN sums. Tiles 0 to 5 are the
// sums, tile 6 holds lines, tile 7 columns.
#pragma once

#include "kernels/cpu/conv/common.h"

namespace skein::cpu {
namespace {

// One step. Of two neighbouring columns the second begins with the lines that the first has ended with.
template <class Tiles, int kM, int kN, int kAt = 0>
[[gnu::always_inline]] inline void multiply_tiles(const char* const (&lines)[kM], int64_t offset, int64_t stride,
                                                  const char* const (&columns)[kN], int64_t column_offset) {
  if constexpr (kAt < kM * kN) {
    constexpr int n = kAt / kM, i = kAt % kM, m = n % 2 ? kM - 1 - i : i;
    if constexpr (i == 0) Tiles::template load<7>(columns[n] + column_offset, 64);
    if constexpr (n == 0 || i > 0) Tiles::template load<6>(lines[m] + offset, stride);
    Tiles::template multiply<m * kN + n>();
    multiply_tiles<Tiles, kM, kN, kAt + 1>(lines, offset, stride, columns, column_offset);
  }
}

template <class Tiles, int kSums, int kAt = 0>
[[gnu::always_inline]] inline void zero_sums() {
  if constexpr (kAt < kSums) {
    Tiles::template zero<kAt>();
    zero_sums<Tiles, kSums, kAt + 1>();
  }
}

// sums[i]: where sum i is, 16 x 16 numbers.
template <class Tiles, int kSums, int kAt = 0>
[[gnu::always_inline]] inline void load_sums(const float* const (&sums)[kSums]) {
  if constexpr (kAt < kSums) {
    Tiles::template load<kAt>(sums[kAt], 64);
    load_sums<Tiles, kSums, kAt + 1>(sums);
  }
}

template <class Tiles, int kSums, int kAt = 0>
[[gnu::always_inline]] inline void store_sums(float* const (&sums)[kSums]) {
  if constexpr (kAt < kSums) {
    Tiles::template store<kAt>(sums[kAt], 64);
    store_sums<Tiles, kSums, kAt + 1>(sums);
  }
}

// A store of tiles that comes long after the last one takes 1000 cycles more (Granite Rapids). One of a tile that
// nobody needs, all 16 lines to one place, every few steps costs less.
template <class Tiles>
struct StoresAwake {
  alignas(64) char nowhere[64];
  int64_t steps = 0;
  [[gnu::always_inline]] void after(int64_t n) {
    constexpr int64_t kSteps = 16;
    if ((steps += n) < kSteps) return;
    steps = 0;
    Tiles::template store<7>(nowhere, 0);
  }
};

}  // namespace
}  // namespace skein::cpu
