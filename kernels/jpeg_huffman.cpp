#include "kernels/jpeg_huffman.h"

#include <algorithm>
#include <cstring>

#include "kernels/simd.h"

namespace skein::cpu {
namespace {

#define SKEIN_INLINE inline __attribute__((always_inline))

// A step: bits 0-5 its length, bits of the code and further ones; 8-13 length of the code; 16-21 what is left of 64
// bits without the further ones; 24-31 how many coefficients it goes on, which is too many for a block where the step
// is not a coefficient.
constexpr uint32_t kEnd = 128, kZeros = 253, kLong = 254, kBad = 255;

constexpr uint32_t step_of(uint32_t code, uint32_t more, uint32_t advance) {
  return (code + more) | code << 8 | (64 - more) % 64 << 16 | advance << 24;
}

SKEIN_INLINE uint32_t length_of(uint32_t step) { return step & 63; }
SKEIN_INLINE uint32_t code_of(uint32_t step) { return step >> 8 & 63; }
SKEIN_INLINE uint32_t rest_of(uint32_t step) { return step >> 16 & 63; }
SKEIN_INLINE uint32_t advance_of(uint32_t step) { return step >> 24; }

// T.81, tables F.1 and F.2: a DC symbol is a number of bits; in an AC symbol, a number of zeros stands before that.
uint32_t step_of_symbol(uint32_t length, uint8_t symbol, int most_bits) {
  constexpr uint8_t kEndOfBlock = 0, kSixteenZeros = 0xf0;
  const uint32_t more = most_bits == kMostDcBits ? symbol : symbol & 15;
  if (int(more) > most_bits) return kBad << 24;
  if (symbol == kEndOfBlock) return step_of(length, 0, kEnd);
  if (symbol == kSixteenZeros) return step_of(length, 0, kZeros);
  if (more == 0) return kBad << 24;
  return step_of(length, more, uint32_t(symbol >> 4) + 1);
}

struct Bits {
  uint64_t bits;
  int count;
  const uint8_t* next;

  // At least 56 bits, whatever there were.
  SKEIN_INLINE void fill() {
    uint64_t bytes;
    std::memcpy(&bytes, next, sizeof bytes);
    bits |= __builtin_bswap64(bytes) >> count;
    next += (63 - count) >> 3;
    count |= 56;
  }
  SKEIN_INLINE uint32_t ahead() const { return uint32_t(bits >> (64 - HuffmanTable::kLookahead)); }
  SKEIN_INLINE void drop(uint32_t n) {
    bits <<= n;
    count -= int(n);
  }
  // The number that the bits behind the code stand for (T.81, F.2.2.1, EXTEND), without a branch. There is one at
  // least.
  SKEIN_INLINE int32_t value(uint32_t step) const {
    const uint64_t from = bits << code_of(step);
    const uint64_t positive = uint64_t(int64_t(from) >> 63);
    return int32_t((from >> rest_of(step)) - (~positive & ~uint64_t{0} >> rest_of(step)));
  }
};

template <int kMostBits>
uint32_t long_step(const HuffmanTable& table, uint64_t bits) {
  const auto code = int32_t(bits >> 48);
  for (int length = HuffmanTable::kLookahead + 1; length <= 16; ++length)
    if (code < table.limits[length])
      return step_of_symbol(uint32_t(length), table.symbols[(code >> (16 - length)) + table.offsets[length]],
                            kMostBits);
  return kBad << 24;
}

enum class Block { unfinished, done, bad };

// A step that is not in the table, or not a coefficient.
SKEIN_INLINE Block rare_step(const Bits& b, const HuffmanTable& table, uint32_t& step, uint32_t& k) {
  if (advance_of(step) == kLong) step = long_step<kMostAcBits>(table, b.bits);
  const uint32_t advance = advance_of(step) == kZeros ? 16 : advance_of(step);
  if (advance == kEnd) return Block::done;
  if (k + advance > 63) return Block::bad;
  k += advance;
  return Block::unfinished;
}

// The next coefficient, the one after number k.
SKEIN_INLINE Block read_coefficient(Bits& b, const HuffmanTable& table, uint32_t& k, int16_t* to) {
  uint32_t step = table.steps[b.ahead()];
  if (k + advance_of(step) <= 63) [[likely]] {
    k += advance_of(step);
    to[kJpegNatural[k]] = int16_t(b.value(step));
    b.drop(length_of(step));
    return k == 63 ? Block::done : Block::unfinished;
  }
  const Block block = rare_step(b, table, step, k);
  if (block == Block::unfinished && advance_of(step) != kZeros) to[kJpegNatural[k]] = int16_t(b.value(step));
  b.drop(length_of(step));
  return block == Block::unfinished && k == 63 ? Block::done : block;
}

// The coefficients after the first. Two steps take at most 52 bits and one with the DC step before it 53, so the bits
// are filled up before every other one. Returns the last coefficient's number, -1: bad data.
SKEIN_INLINE int read_ac(Bits& b, const HuffmanTable& table, int16_t* to) {
  uint32_t k = 0;
  Block block;
  for (;;) {
    block = read_coefficient(b, table, k, to);
    if (block != Block::unfinished) break;
    b.fill();
    block = read_coefficient(b, table, k, to);
    if (block != Block::unfinished) break;
  }
  return block == Block::done ? int(k) : -1;
}

// The next steps, after coefficient k. The end of the block counts only where the block is not full before, and what
// follows is another block's: then one step at a time.
SKEIN_INLINE Block skip_coefficients(Bits& b, const HuffmanTable& table, uint32_t& k) {
  uint32_t step = table.skips[b.ahead()];
  const uint32_t to = k + advance_of(step);
  if (to <= 62) [[likely]] {
    k = to;
    b.drop(length_of(step));
    return Block::unfinished;
  }
  if (to >= kEnd && to <= kEnd + 62) [[likely]] {
    b.drop(length_of(step));
    return Block::done;
  }
  step = table.steps[b.ahead()];
  Block block = Block::unfinished;
  if (k + advance_of(step) <= 63)
    k += advance_of(step);
  else
    block = rare_step(b, table, step, k);
  b.drop(length_of(step));
  return block == Block::unfinished && k == 63 ? Block::done : block;
}

SKEIN_INLINE bool skip_ac(Bits& b, const HuffmanTable& table) {
  uint32_t k = 0;
  for (;;) {
    Block block = skip_coefficients(b, table, k);
    if (block != Block::unfinished) return block == Block::done;
    b.fill();
    block = skip_coefficients(b, table, k);
    if (block != Block::unfinished) return block == Block::done;
  }
}

// DC of the component's next block; the data are bad where it is out of range.
SKEIN_INLINE bool read_dc(Bits& b, const HuffmanTable& table, int32_t& dc) {
  uint32_t step = table.steps[b.ahead()];
  if (advance_of(step) == kLong) [[unlikely]]
    step = long_step<kMostDcBits>(table, b.bits);
  if (advance_of(step) == kBad) [[unlikely]]
    return false;
  if (rest_of(step) != 0) dc += b.value(step);
  b.drop(length_of(step));
  return dc >= -8192 && dc <= 8191;
}

// As many steps as fit: of the last one, only the code need be among the bits that are known.
uint32_t skip_of(const uint32_t* steps, uint32_t ahead) {
  constexpr uint32_t kWindow = HuffmanTable::kLookahead;
  uint32_t length = 0, advance = 0;
  while (length < kWindow) {
    const uint32_t step = steps[ahead << length & ((1u << kWindow) - 1)];
    const uint32_t more = advance_of(step) == kZeros ? 16 : advance_of(step);
    if (more > kEnd || code_of(step) > kWindow - length || advance + more % kEnd > 63) break;
    length += length_of(step);
    advance += more;
    if (more == kEnd) break;
  }
  return advance == 0 ? kLong << 24 : length | advance << 24;
}

}  // namespace

bool HuffmanTable::make(const HuffmanCode& from, int most_bits) {
  std::memcpy(symbols, from.symbols, sizeof symbols);
  std::fill_n(steps, 1 << kLookahead, kLong << 24);
  int32_t code = 0, symbol = 0;
  for (int length = 1; length <= 16; ++length, code <<= 1) {
    offsets[length] = symbol - code;
    for (int i = 0; i < from.counts[length - 1]; ++i, ++code, ++symbol) {
      if (symbol > 255 || code >= (1 << length) - 1) return false;
      if (most_bits == kMostDcBits && symbols[symbol] > 15) return false;
      if (length > kLookahead) continue;
      const int free = kLookahead - length;
      std::fill_n(steps + (code << free), 1 << free, step_of_symbol(uint32_t(length), symbols[symbol], most_bits));
    }
    limits[length] = code << (16 - length);
  }
  if (most_bits == kMostAcBits)
    for (uint32_t i = 0; i < 1u << kLookahead; ++i) skips[i] = skip_of(steps, i);
  return true;
}

SKEIN_SIMD bool read_mcus(JpegBits& state, std::span<const JpegBlock> blocks, int64_t begin, int64_t end) {
  Bits b{state.bits, state.count, state.next};
  for (int64_t mcu = begin; mcu < end; ++mcu)
    for (const JpegBlock& block : blocks) {
      int32_t& dc = state.predictions[block.component];
      b.fill();
      if (!read_dc(b, *block.dc, dc)) return false;
      int16_t* to = block.coefficients + 64 * mcu * block.step;
      to[0] = int16_t(dc);
      const int last = read_ac(b, *block.ac, to);
      if (last < 0 || b.next - b.count / 8 > state.end) return false;
      block.last[mcu * block.step] = uint8_t(last);
    }
  state.bits = b.bits;
  state.count = b.count;
  state.next = b.next;
  return true;
}

SKEIN_SIMD bool skip_mcus(JpegBits& state, std::span<const JpegBlock> blocks, int64_t begin, int64_t end) {
  Bits b{state.bits, state.count, state.next};
  for (int64_t mcu = begin; mcu < end; ++mcu)
    for (const JpegBlock& block : blocks) {
      b.fill();
      if (!read_dc(b, *block.dc, state.predictions[block.component])) return false;
      if (!skip_ac(b, *block.ac) || b.next - b.count / 8 > state.end) return false;
    }
  state.bits = b.bits;
  state.count = b.count;
  state.next = b.next;
  return true;
}

}  // namespace skein::cpu
