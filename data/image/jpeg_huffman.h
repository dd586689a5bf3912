// Entropy decoding of sequential JPEG (ITU-T T.81, F.2): bits to the quantised coefficients of 8 x 8 blocks.
// The data come without stuffed zeros and markers. Nothing here is undefined for any data: what no encoder writes is
// reported, not interpreted.
#pragma once

#include <cstdint>
#include <span>

namespace skein {

// From zigzag to row order (T.81, figure A.6).
constexpr uint8_t kJpegNatural[64] = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
                                      12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
                                      35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
                                      58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

// As a DHT segment defines a code: how many symbols have 1, 2 ... 16 bits, and which ones.
struct HuffmanCode {
  uint8_t counts[16] = {};
  uint8_t symbols[256] = {};
};

// The same for decoding, looked up by the next bits. A step is a symbol and the bits that follow it.
struct HuffmanTable {
  static constexpr int kLookahead = 11;
  uint32_t steps[1 << kLookahead];  // see jpeg_huffman.cpp
  uint32_t skips[1 << kLookahead];  // of AC: as many steps as are known from these bits
  int32_t limits[17];               // of each length: the first code that is too large, in 16 bits
  int32_t offsets[17];              // of each length: from a code to its symbol
  uint8_t symbols[256];
  uint32_t end_length;  // of the end of the block, in AC tables

  // False: not a prefix code, one with a code of ones alone, or with a DC symbol above 15. Symbols that ask for more
  // bits than kMostDcBits or kMostAcBits count as bad codes where they occur.
  bool make_dc(const HuffmanCode& code);
  bool make_ac(const HuffmanCode& code);
};

constexpr int kMostDcBits = 11, kMostAcBits = 10;  // of baseline JPEG (T.81, F.1.2)

// Where decoding is.
struct JpegBits {
  const uint8_t* next = nullptr;  // the first byte that is not in `bits`
  const uint8_t* end = nullptr;   // kPadding more bytes can be read
  uint64_t bits = 0;              // from the top; bits below `count` are those of the following bytes, or 0
  uint32_t count = 0;             // below 64
  int32_t predictions[3] = {};    // DC of the last block of each component

  static constexpr int kPadding = 512;  // more than a block can take
};

struct JpegBlock {
  int component = 0;
  const HuffmanTable *dc = nullptr, *ac = nullptr;
  int16_t* coefficients = nullptr;  // where it goes in MCU 0: (8,8), all zero
  int64_t step = 0;                 // from one MCU to the next, in blocks
};

// The MCUs [begin, end) of a row, each of these blocks. False: bad code, too many coefficients, absurd DC or not enough
// data; then state and coefficients are anything.
bool read_mcus(JpegBits& state, std::span<const JpegBlock> blocks, int64_t begin, int64_t end);
// The same, of which nothing but the DC predictions is kept.
bool skip_mcus(JpegBits& state, std::span<const JpegBlock> blocks, int64_t begin, int64_t end);

}  // namespace skein
