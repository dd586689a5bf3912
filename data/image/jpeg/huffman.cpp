#include "data/image/jpeg/huffman.h"

#include <cstring>

#include "base/simd.h"
#include "data/image/jpeg/huffman_step.h"

namespace skein {
namespace {

constexpr uint32_t kLookahead = HuffmanTable::kLookahead;

// Position in the block (row order) of the coefficient that a step ends at, by its index in zigzag order plus, for a
// step with end of block, kAndEnd. Larger indices are special entries: they map to position 0, the DC coefficient,
// which is written after all others.
struct Positions {
  uint8_t at[64 + kBad + 1] = {};
  constexpr Positions() {
    for (uint32_t k = 0; k < 64; ++k) at[k] = at[k + kAndEnd] = kJpegNatural[k];
  }
};
constexpr Positions kPositions;

// The bits that are not decoded yet: a local copy of JpegBits that stays in registers.
struct Bits {
  uint64_t bits;
  uint32_t count;  // valid in its lower 6 bits: drop() subtracts a step with all its fields
  const uint8_t* next;

  // Refills to at least 56 bits.
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
  // Makes the last n bits unread again.
  SKEIN_INLINE void rewind(uint32_t n) {
    const uint32_t unread = (count & 63) + n, bytes = (unread + 7) / 8;
    *this = {0, 0, next - bytes};
    fill();
    drop(8 * bytes - unread);
  }
  SKEIN_INLINE bool past(const uint8_t* end) const { return next - (count & 63) / 8 > end; }
};

// The next step if the lookahead does not hold all of it: kWide or kLong. At most 27 bits.
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

// Handles a step that took the index k past 62: the last coefficient, an end of block, or a special entry. Replaces
// `step` for kWide and kLong.
SKEIN_INLINE Block last_step(Bits& b, const HuffmanTable& table, uint32_t& k, uint32_t& step) {
  if (k == 63) return Block::done;
  const uint32_t advance = advance_of(step);
  if (advance <= kMaxAdvance) return Block::bad;
  if (advance < kEnd) {
    k -= kAndEnd;
    if (k == 63) b.rewind(table.end_length);  // a full block has no end code: those bits are the next block's
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

// Reads one step and stores its coefficient. True: more may follow.
SKEIN_INLINE bool read_step(Bits& b, const HuffmanTable& table, int16_t* to, uint32_t& k, uint32_t& step) {
  step = table.steps[b.ahead()];
  k += advance_of(step);
  to[kPositions.at[k]] = int16_t(step >> 16);
  b.drop(step);
  return k < 63;
}

// Decodes the AC coefficients of a block. A step takes at most kLookahead bits, so one refill is enough for five steps.
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
    if (rare && advance_of(step) <= kMaxAdvance) to[kJpegNatural[k]] = int16_t(step >> 16);
    if (block == Block::done) return true;
  }
}

// Skips all steps that the lookahead determines. If they may fill the block, takes one step only: the steps after it
// belong to the next block.
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

// Skips the AC coefficients of a block. An entry of `skips` takes at most kLookahead bits of code and kMaxAcBits more,
// so one refill is enough for two of them.
SKEIN_INLINE bool skip_ac(Bits& b, const HuffmanTable& table) {
  static_assert(2 * (kLookahead + kMaxAcBits) <= 56);
  uint32_t k = 0;
  for (;;) {
    b.fill();
    Block block = skip_steps(b, table, k);
    if (block == Block::unfinished) block = skip_steps(b, table, k);
    if (block != Block::unfinished) return block == Block::done;
  }
}

// Decodes the DC coefficient of the component's next block. False: bad code, or DC out of range.
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
