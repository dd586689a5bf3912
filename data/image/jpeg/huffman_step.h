// Format of the entries of HuffmanTable, shared by huffman_table.cpp, which makes them, and huffman.cpp,
// which reads them. Symbols: ITU-T T.81, F.1.2.
#pragma once

#include "data/image/jpeg/huffman.h"

#define SKEIN_INLINE inline __attribute__((always_inline))

namespace skein {

// A step has three fields:
//   bits 0-5    length: bits of data that it takes
//   bits 8-15   advance: coefficients from the previous one to this one (zeros in between, plus 1)
//   bits 16-31  value of this coefficient, signed
// Advances above kMaxAdvance, which no symbol has, mark special entries:
enum : uint32_t {
  kMaxAdvance = 16,  // largest advance of a symbol
  kAndEnd = 64,      // added to the advance: the end-of-block code follows and is part of the length
  kEnd = 192,        // end of block
  kWide,             // the lookahead holds only the code: bits 16-20 its length, 21-24 additional bits, 25-29 advance
  kLong,             // the code is longer than the lookahead
  kBad,              // no valid code
  kUnknown = 100     // in `skips`: the lookahead determines no step
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

// The step of a symbol whose code has `length` bits: wide unless no additional bits follow. T.81, tables F.1 and F.2: a
// DC symbol is the number of additional bits; an AC symbol is 16 * (number of zeros) + (number of additional bits).
SKEIN_INLINE constexpr uint32_t step_of_dc(uint32_t length, uint8_t symbol) {
  if (symbol > kMaxDcBits) return kBad << 8;
  return symbol == 0 ? step_of(length, 1, 0) : wide_step(length, symbol, 1);
}
SKEIN_INLINE constexpr uint32_t step_of_ac(uint32_t length, uint8_t symbol) {
  constexpr uint8_t kEndOfBlock = 0, kSixteenZeros = 0xf0;
  const uint32_t zeros = symbol >> 4, more = symbol & 15;
  if (symbol == kEndOfBlock) return step_of(length, kEnd, 0);
  if (symbol == kSixteenZeros) return step_of(length, kMaxAdvance, 0);
  return more == 0 || more > kMaxAcBits ? kBad << 8 : wide_step(length, more, zeros + 1);
}

// The signed value of `more` additional bits (T.81, F.2.2.1, EXTEND).
SKEIN_INLINE constexpr int32_t extended(uint32_t bits, uint32_t more) {
  return int32_t(bits) - (bits >> ((more - 1) & 31) != 0 ? 0 : (1 << more) - 1);
}

}  // namespace skein
