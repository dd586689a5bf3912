#include "kernels/jpeg_huffman.h"

#include <algorithm>
#include <cstring>

#include "kernels/simd.h"

namespace skein::cpu {
namespace {

#define SKEIN_INLINE inline __attribute__((always_inline))

// A step: bits 0-7 its length, bits of the code and further ones; 8-15 length of the code; 16-23 the further bits;
// 24-31 how many coefficients it goes on, which is too many for a block where the step is not a coefficient.
constexpr uint32_t kEnd = 128, kLong = 254, kBad = 255;

constexpr uint32_t step_of(uint32_t code, uint32_t more, uint32_t advance) {
  return (code + more) | code << 8 | more << 16 | advance << 24;
}

SKEIN_INLINE uint32_t length_of(uint32_t step) { return step & 255; }
SKEIN_INLINE uint32_t advance_of(uint32_t step) { return step >> 24; }

// T.81, tables F.1 and F.2: a DC symbol is a number of bits; in an AC symbol, a number of zeros stands before that.
uint32_t step_of_symbol(uint32_t length, uint8_t symbol, int most_bits) {
  constexpr uint8_t kEndOfBlock = 0, kSixteenZeros = 0xf0;
  const uint32_t more = most_bits == kMostDcBits ? symbol : symbol & 15;
  if (int(more) > most_bits) return kBad << 24;
  if (symbol == kEndOfBlock) return step_of(length, 0, kEnd);
  if (more == 0 && symbol != kSixteenZeros) return kBad << 24;
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
  // The number that the bits behind the code stand for (T.81, F.2.2.1, EXTEND), without a branch; 0 for no bits.
  SKEIN_INLINE int32_t value(uint32_t step) const {
    const uint64_t from = bits << (step >> 8 & 255);
    const uint32_t more = step >> 16 & 255;
    const auto positive = uint32_t(int64_t(from) >> 63);
    return int32_t(uint32_t(from >> 1 >> (63 - more)) + (~positive & (1 - (1u << more))));
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

// The coefficients after the first. Two steps take at most 52 bits, so bits are filled in before every other one; the
// first follows upon a DC step of at most 27. Returns the last coefficient's number, -1: bad data.
SKEIN_INLINE int read_ac(Bits& b, const HuffmanTable& table, int16_t* to) {
  uint32_t k = 0, last = 0;
  for (bool fill = false;; fill = !fill) {
    if (fill) b.fill();
    uint32_t step = table.steps[b.ahead()];
    if (k + advance_of(step) > 63) [[unlikely]] {
      if (advance_of(step) == kLong) step = long_step<kMostAcBits>(table, b.bits);
      if (k + advance_of(step) > 63) {
        b.drop(length_of(step));
        return advance_of(step) == kEnd ? int(last) : -1;
      }
    }
    last = k += advance_of(step);
    to[kJpegNatural[k]] = int16_t(b.value(step));
    b.drop(length_of(step));
    if (k == 63) return 63;
  }
}

SKEIN_INLINE bool skip_ac(Bits& b, const HuffmanTable& table) {
  uint32_t k = 0;
  for (;;) {
    uint32_t step = table.skips[b.ahead()];
    // The end of the block in the midst of a skip: the block may have been full before, so one at a time.
    k += advance_of(step);
    if (k > 62) [[unlikely]] {
      if (k >= kEnd && k <= kEnd + 62) {
        b.drop(length_of(step));
        return true;
      }
      k -= advance_of(step);
      step = table.steps[b.ahead()];
      if (advance_of(step) == kLong) step = long_step<kMostAcBits>(table, b.bits);
      k += advance_of(step);
      if (k > 62) {
        b.drop(length_of(step));
        return k == 63 || advance_of(step) == kEnd;
      }
    }
    b.drop(length_of(step));
    b.fill();
  }
}

SKEIN_INLINE uint32_t read_dc_step(const Bits& b, const HuffmanTable& table) {
  const uint32_t step = table.steps[b.ahead()];
  return advance_of(step) == kLong ? long_step<kMostDcBits>(table, b.bits) : step;
}

// As many steps as fit: of the last one, only the code need be among the bits that are known.
uint32_t skip_of(const uint32_t* steps, uint32_t ahead) {
  constexpr uint32_t kWindow = HuffmanTable::kLookahead;
  uint32_t length = 0, advance = 0;
  while (length < kWindow) {
    const uint32_t step = steps[ahead << length & ((1u << kWindow) - 1)];
    if (advance_of(step) > kEnd || (step >> 8 & 255) > kWindow - length) break;
    if (advance + advance_of(step) % kEnd > 63) break;
    length += length_of(step);
    advance += advance_of(step);
    if (advance_of(step) == kEnd) break;
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

SKEIN_SIMD bool decode_mcus(JpegBits& state, const JpegBlock* blocks, int n, int64_t mcus) {
  Bits b{state.bits, state.count, state.next};
  for (int64_t mcu = 0; mcu < mcus; ++mcu)
    for (int i = 0; i < n; ++i) {
      const JpegBlock& block = blocks[i];
      b.fill();
      const uint32_t step = read_dc_step(b, *block.dc);
      int32_t& dc = state.predictions[block.component];
      if (advance_of(step) == kBad) return false;
      dc += b.value(step);
      b.drop(length_of(step));
      if (dc < -8192 || dc > 8191) return false;
      if (block.coefficients) {
        int16_t* to = block.coefficients + 64 * mcu * block.step;
        to[0] = int16_t(dc);
        const int last = read_ac(b, *block.ac, to);
        if (last < 0) return false;
        block.last[mcu * block.step] = uint8_t(last);
      } else if (!skip_ac(b, *block.ac)) {
        return false;
      }
      if (b.next - b.count / 8 > state.end) return false;
    }
  state.bits = b.bits;
  state.count = b.count;
  state.next = b.next;
  return true;
}

}  // namespace skein::cpu
