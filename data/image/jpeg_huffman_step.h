// What the tables of jpeg_huffman_table.cpp hold and jpeg_huffman.cpp reads.
#pragma once

#include "data/image/jpeg_huffman.h"

#define SKEIN_INLINE inline __attribute__((always_inline))

namespace skein {

// A step: bits 0-5 how many bits it takes, 8-15 how many coefficients it goes on, 16-31 the coefficient that it ends
// at, of 16 bits. Too many for a block are other things:
enum : uint32_t {
  kMost = 16,    // coefficients that a step goes on
  kAndEnd = 64,  // added: this is the block's last coefficient
  kEnd = 192,    // the end of the block alone
  kWide,         // the code alone is known: bits 16-20 its length, 21-24 how many bits follow, 25-29 how far it goes on
  kLong,         // not even that
  kBad,
  kUnknown = 100  // of skips: no code is known
};

SKEIN_INLINE constexpr uint32_t step_of(uint32_t length, uint32_t advance, int32_t value) {
  return length | advance << 8 | uint32_t(value) << 16;
}
SKEIN_INLINE constexpr uint32_t length_of(uint32_t step) { return step & 63; }
SKEIN_INLINE constexpr uint32_t advance_of(uint32_t step) { return step >> 8 & 255; }

SKEIN_INLINE constexpr uint32_t wide_step(uint32_t code, uint32_t more, uint32_t advance) {
  return kWide << 8 | code << 16 | more << 21 | advance << 25;
}
SKEIN_INLINE constexpr uint32_t code_of_wide(uint32_t step) { return step >> 16 & 31; }
SKEIN_INLINE constexpr uint32_t more_of_wide(uint32_t step) { return step >> 21 & 15; }
SKEIN_INLINE constexpr uint32_t advance_of_wide(uint32_t step) { return step >> 25 & 31; }

// The step that begins with this symbol's code: wide unless no bits follow. T.81, tables F.1 and F.2: a DC symbol is a
// number of bits; in an AC symbol, a number of zeros stands before that.
SKEIN_INLINE constexpr uint32_t step_of_dc(uint32_t length, uint8_t symbol) {
  if (symbol > kMostDcBits) return kBad << 8;
  return symbol == 0 ? step_of(length, 1, 0) : wide_step(length, symbol, 1);
}
SKEIN_INLINE constexpr uint32_t step_of_ac(uint32_t length, uint8_t symbol) {
  constexpr uint8_t kEndOfBlock = 0, kSixteenZeros = 0xf0;
  const uint32_t zeros = symbol >> 4, more = symbol & 15;
  if (symbol == kEndOfBlock) return step_of(length, kEnd, 0);
  if (symbol == kSixteenZeros) return step_of(length, kMost, 0);
  return more == 0 || more > kMostAcBits ? kBad << 8 : wide_step(length, more, zeros + 1);
}

// The number that `more` bits stand for (T.81, F.2.2.1, EXTEND).
SKEIN_INLINE constexpr int32_t extended(uint32_t bits, uint32_t more) {
  return int32_t(bits) - (bits >> ((more - 1) & 31) != 0 ? 0 : (1 << more) - 1);
}

}  // namespace skein
