// Makes the lookup tables of a Huffman code (huffman_step.h). Code assignment: ITU-T T.81, annex C. All loops over
// table entries are free of branches, so that they compile to vector code: tables are made for every image.
#include <algorithm>
#include <cstring>

#include "base/simd.h"
#include "data/image/jpeg/huffman_step.h"

namespace skein {
namespace {

constexpr uint32_t kBits = HuffmanTable::kLookahead, kSize = 1u << kBits;

// Writes to `codes`, for each lookahead, the step of the code that it begins with: kWide for a coefficient, kLong if
// the code is longer than the lookahead. False: not a valid code.
template <class StepOf>
bool assign_codes(HuffmanTable& table, const HuffmanCode& from, uint32_t* codes, StepOf&& step_of_symbol) {
  std::memcpy(table.symbols, from.symbols, sizeof table.symbols);
  uint32_t code = 0, symbol = 0, filled = 0;
  for (uint32_t length = 1; length <= 16; ++length, code <<= 1) {
    table.offsets[length] = int32_t(symbol) - int32_t(code);
    for (uint32_t i = 0; i < from.counts[length - 1]; ++i, ++code, ++symbol) {
      if (symbol > 255 || code >= (1u << length) - 1) return false;
      if (length > kBits) continue;
      const uint32_t n = 1u << (kBits - length);
      std::fill_n(codes + filled, n, step_of_symbol(length, table.symbols[symbol]));
      filled += n;
    }
    table.limits[length] = int32_t(code << (16 - length));
  }
  std::fill(codes + filled, codes + kSize, kLong << 8);
  return true;
}

// Replaces a wide step by a step with its value, if the lookahead holds all additional bits.
SKEIN_INLINE uint32_t with_value(uint32_t step, uint32_t index) {
  const uint32_t more = more_of_wide(step), length = code_of_wide(step) + more;
  const uint32_t bits = index >> ((kBits - length) & 31) & ((1u << more) - 1);
  const uint32_t found = step_of(length, advance_of_wide(step), extended(bits, more));
  return advance_of(step) == kWide && length <= kBits ? found : step;
}

// Lengths of a step as fields: bits 0-7 bits of the code, 8-15 bits of the code and the additional bits, 16-23 advance.
SKEIN_INLINE uint32_t skip_of(uint32_t step) {
  const uint32_t code = code_of_wide(step), length = length_of(step);
  const uint32_t wide = code | (code + more_of_wide(step)) << 8 | advance_of_wide(step) << 16;
  return advance_of(step) == kWide ? wide : length | length << 8 | advance_of(step) << 16;
}

SKEIN_SIMD void make_values(const uint32_t* __restrict codes, uint32_t* __restrict steps) {
  for (uint32_t i = 0; i < kSize; ++i) steps[i] = with_value(codes[i], i);
}

// Merges the end of block into each step that it is known to follow.
SKEIN_SIMD void add_ends(const uint32_t* __restrict codes, uint32_t* __restrict steps) {
  for (uint32_t i = 0; i < kSize; ++i) {
    const uint32_t step = steps[i], length = length_of(step), next = codes[i << length & (kSize - 1)];
    const bool ends = advance_of(step) <= kMaxAdvance && advance_of(next) == kEnd && length + length_of(next) <= kBits;
    steps[i] = step + (ends ? length_of(next) + (kAndEnd << 8) : 0);
  }
}

// Merges up to kSkips steps into one entry. The lookahead must hold the codes of all of them, but not the additional
// bits of the last one.
SKEIN_SIMD void make_skips(const uint32_t* __restrict codes, uint32_t* __restrict one, uint32_t* __restrict skips) {
  constexpr int kSkips = 4;
  for (uint32_t i = 0; i < kSize; ++i) one[i] = skip_of(codes[i]);
  std::fill_n(skips, kSize, 0);
  for (int t = 0; t < kSkips; ++t)
    for (uint32_t i = 0; i < kSize; ++i) {
      const uint32_t length = length_of(skips[i]), advance = advance_of(skips[i]);
      const uint32_t skip = one[i << (length & 31) & (kSize - 1)], more = skip >> 16;
      const uint32_t all = advance + (more == kEnd ? 0 : more), code = length + (skip & 255);
      const uint32_t longer = step_of(length + (skip >> 8 & 255), advance + more, 0);
      const bool known = (code <= kBits) & (more <= kEnd) & (all <= 63);
      skips[i] = known ? longer : skips[i];
    }
  for (uint32_t i = 0; i < kSize; ++i) skips[i] = advance_of(skips[i]) == 0 ? kUnknown << 8 : skips[i];
}

}  // namespace

bool HuffmanTable::make_dc(const HuffmanCode& code) {
  uint32_t codes[kSize];
  const auto last = std::max_element(code.symbols, code.symbols + 256);
  if (*last > 15 || !assign_codes(*this, code, codes, step_of_dc)) return false;
  make_values(codes, steps);
  return true;
}

bool HuffmanTable::make_ac(const HuffmanCode& code) {
  uint32_t codes[kSize], one[kSize];
  if (!assign_codes(*this, code, codes, step_of_ac)) return false;
  make_values(codes, steps);
  add_ends(codes, steps);
  make_skips(codes, one, skips);
  for (uint32_t step : codes)
    if (advance_of(step) == kEnd) end_length = length_of(step);
  return true;
}

}  // namespace skein
