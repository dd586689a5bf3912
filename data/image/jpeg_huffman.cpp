#include "data/image/jpeg_huffman.h"

#include <cstring>

#include "base/simd.h"
#include "data/image/jpeg_huffman_step.h"

namespace skein {
namespace {

constexpr uint32_t kLookahead = HuffmanTable::kLookahead;

// Where a step puts its coefficient, by the number that it came to: the end of the block may be added to it, and steps
// that are none come to more; those go to the place of DC, which is written at last.
struct Places {
  uint8_t at[64 + kBad + 1] = {};
  constexpr Places() {
    for (uint32_t k = 0; k < 64; ++k) at[k] = at[k + kAndEnd] = kJpegNatural[k];
  }
};
constexpr Places kPlaces;

struct Bits {
  uint64_t bits;
  uint32_t count;  // its lower 6 bits: steps are subtracted whole
  const uint8_t* next;

  // At least 56 bits, whatever there were.
  SKEIN_INLINE void fill() {
    uint64_t bytes;
    std::memcpy(&bytes, next, sizeof bytes);
    const uint32_t n = count & 63;
    bits |= __builtin_bswap64(bytes) >> n;
    next += (63 - n) >> 3;
    count = n | 56;
  }
  SKEIN_INLINE uint32_t ahead() const { return uint32_t(bits >> (64 - kLookahead)); }
  SKEIN_INLINE void drop(uint32_t step) {
    bits <<= step & 63;
    count -= step;
  }
  // Takes the last n bits back.
  SKEIN_INLINE void rewind(uint32_t n) {
    const uint32_t unread = (count & 63) + n, bytes = (unread + 7) / 8;
    *this = {0, 0, next - bytes};
    fill();
    drop(8 * bytes - unread);
  }
  SKEIN_INLINE bool past(const uint8_t* end) const { return next - (count & 63) / 8 > end; }
};

// The step that the bits begin with where the table does not have it. At most 27 bits.
template <class StepOf>
SKEIN_INLINE uint32_t rare_step(const HuffmanTable& table, uint64_t bits, uint32_t step, StepOf&& step_of_symbol) {
  if (advance_of(step) == kLong) {
    const auto code = int32_t(bits >> 48);
    uint32_t length = kLookahead + 1;
    while (length <= 16 && code >= table.limits[length]) ++length;
    if (length > 16) return kBad << 8;
    step = step_of_symbol(length, table.symbols[(code >> (16 - length)) + table.offsets[length]]);
  }
  if (advance_of(step) != kWide) return step;
  const uint32_t code = code_of_wide(step), more = more_of_wide(step);
  return step_of(code + more, advance_of_wide(step), extended(uint32_t(bits << code >> (64 - more)), more));
}

enum class Block { unfinished, done, bad };

// After a step of the table that took k past 62. Another step may take its place.
SKEIN_INLINE Block last_step(Bits& b, const HuffmanTable& table, uint32_t& k, uint32_t& step) {
  if (k == 63) return Block::done;
  const uint32_t advance = advance_of(step);
  if (advance <= kMost) return Block::bad;
  if (advance < kEnd) {
    k -= kAndEnd;
    if (k == 63) b.rewind(table.end_length);  // a full block has no end: those bits are the next one's
    return k <= 63 ? Block::done : Block::bad;
  }
  k -= advance;
  if (advance == kEnd) return Block::done;
  b.fill();
  step = rare_step(table, b.bits, step, step_of_ac);
  b.drop(step);
  if (advance_of(step) == kEnd) return Block::done;
  k += advance_of(step);
  return k < 63 ? Block::unfinished : k == 63 ? Block::done : Block::bad;
}

// True: one more coefficient, and others may follow.
SKEIN_INLINE bool read_step(Bits& b, const HuffmanTable& table, int16_t* to, uint32_t& k, uint32_t& step) {
  step = table.steps[b.ahead()];
  k += advance_of(step);
  to[kPlaces.at[k]] = int16_t(step >> 16);
  b.drop(step);
  return k < 63;
}

// The coefficients after the first. A step of the table takes kLookahead bits at most, so there are bits for five of
// them.
SKEIN_INLINE bool read_ac(Bits& b, const HuffmanTable& table, int16_t* to) {
  static_assert(5 * kLookahead <= 56);
  uint32_t k = 0, step = 0;
  for (;;) {
    b.fill();
    if (read_step(b, table, to, k, step) && read_step(b, table, to, k, step) && read_step(b, table, to, k, step) &&
        read_step(b, table, to, k, step) && read_step(b, table, to, k, step))
      continue;
    const bool rare = advance_of(step) > kEnd;
    const Block block = last_step(b, table, k, step);
    if (block == Block::bad) return false;
    if (rare && advance_of(step) <= kMost) to[kJpegNatural[k]] = int16_t(step >> 16);
    if (block == Block::done) return true;
  }
}

// The end of the block counts only where the block is not full before; then what follows is another block's, so it is
// one step at a time.
SKEIN_INLINE Block skip_steps(Bits& b, const HuffmanTable& table, uint32_t& k) {
  uint32_t step = table.skips[b.ahead()];
  const uint32_t to = k + advance_of(step);
  if (to <= 62) [[likely]] {
    k = to;
    b.drop(step);
    return Block::unfinished;
  }
  if (to >= kEnd && to <= kEnd + 62) [[likely]] {
    b.drop(step);
    return Block::done;
  }
  step = table.steps[b.ahead()];
  k += advance_of(step);
  b.drop(step);
  return k < 63 ? Block::unfinished : last_step(b, table, k, step);
}

// Of skips, one takes at most kLookahead bits of code and kMostAcBits after them.
SKEIN_INLINE bool skip_ac(Bits& b, const HuffmanTable& table) {
  static_assert(2 * (kLookahead + kMostAcBits) <= 56);
  uint32_t k = 0;
  for (;;) {
    b.fill();
    Block block = skip_steps(b, table, k);
    if (block == Block::unfinished) block = skip_steps(b, table, k);
    if (block != Block::unfinished) return block == Block::done;
  }
}

// DC of the component's next block. False: the data are bad, or it is out of range.
SKEIN_INLINE bool read_dc(Bits& b, const HuffmanTable& table, int32_t& dc) {
  uint32_t step = table.steps[b.ahead()];
  if (advance_of(step) != 1) [[unlikely]]
    step = rare_step(table, b.bits, step, step_of_dc);
  dc += int16_t(step >> 16);
  b.drop(step);
  return advance_of(step) == 1 && dc >= -8192 && dc <= 8191;
}

}  // namespace

SKEIN_SIMD bool read_mcus(JpegBits& state, std::span<const JpegBlock> blocks, int64_t begin, int64_t end) {
  Bits b{state.bits, state.count, state.next};
  for (int64_t mcu = begin; mcu < end; ++mcu)
    for (const JpegBlock& block : blocks) {
      int32_t& dc = state.predictions[block.component];
      b.fill();
      if (!read_dc(b, *block.dc, dc)) return false;
      int16_t* to = block.coefficients + 64 * mcu * block.step;
      if (!read_ac(b, *block.ac, to) || b.past(state.end)) return false;
      to[0] = int16_t(dc);
    }
  state.bits = b.bits;
  state.count = b.count & 63;
  state.next = b.next;
  return true;
}

SKEIN_SIMD bool skip_mcus(JpegBits& state, std::span<const JpegBlock> blocks, int64_t begin, int64_t end) {
  Bits b{state.bits, state.count, state.next};
  for (int64_t mcu = begin; mcu < end; ++mcu)
    for (const JpegBlock& block : blocks) {
      b.fill();
      if (!read_dc(b, *block.dc, state.predictions[block.component])) return false;
      if (!skip_ac(b, *block.ac) || b.past(state.end)) return false;
    }
  state.bits = b.bits;
  state.count = b.count & 63;
  state.next = b.next;
  return true;
}

}  // namespace skein
