// Entropy decoding of sequential JPEG (ITU-T T.81, F.2): bits to quantised coefficients of 8 x 8 blocks.
//
// A Huffman table takes three steps: header.cpp reads its DHT segment to a HuffmanCode, huffman_table.cpp
// turns that into a HuffmanTable for lookup, and huffman.cpp decodes blocks with it. The data come without stuffed
// zeros and markers (JpegScan). Any data are safe: codes that no encoder writes are reported and not interpreted.
#pragma once

#include <cstdint>
#include <span>

namespace skein {

// Index in row order of each coefficient in zigzag order (T.81, figure A.6).
constexpr uint8_t kJpegNatural[64] = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
                                      12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
                                      35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
                                      58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

// A Huffman code as a DHT segment defines it (T.81, B.2.4.2).
struct HuffmanCode {
  uint8_t counts[16] = {};    // number of codes of 1, 2 .. 16 bits
  uint8_t symbols[256] = {};  // symbols in ascending order of their codes
};

// The same code as lookup tables, indexed by the next kLookahead bits of the data. A step is a symbol and the bits that
// follow it; huffman_step.h has the format of the entries.
struct HuffmanTable {
  static constexpr int kLookahead = 11;
  uint32_t steps[1 << kLookahead];  // the next step
  uint32_t skips[1 << kLookahead];  // AC: all steps that these bits determine, as one
  int32_t limits[17];               // [length]: bound of the codes of at most `length` bits, extended to 16
  int32_t offsets[17];              // [length]: index of a code's symbol minus the code
  uint8_t symbols[256];
  uint32_t end_length;  // AC: bits of the end-of-block code

  // False: not a prefix code, a code of all ones, or a DC symbol above 15. Symbols with more than kMaxDcBits or
  // kMaxAcBits additional bits are bad codes in the data.
  bool make_dc(const HuffmanCode& code);
  bool make_ac(const HuffmanCode& code);
};

constexpr int kMaxDcBits = 11, kMaxAcBits = 10;  // additional bits of a coefficient in baseline JPEG (T.81, F.1.2)

// State of the decoder in a part of the data.
struct JpegBits {
  const uint8_t* next = nullptr;  // first byte that is not in `bits`
  const uint8_t* end = nullptr;   // of the part; kPadding more bytes are readable
  uint64_t bits = 0;              // unread bits, from the top; below the first `count` bits: following data or 0
  uint32_t count = 0;             // of valid bits, less than 64
  int32_t predictions[3] = {};    // DC of the previous block of each component

  static constexpr int kPadding = 512;  // bytes; more than one block can use
};

// One of the blocks of an MCU.
struct JpegBlock {
  int component = 0;
  const HuffmanTable *dc = nullptr, *ac = nullptr;
  int16_t* coefficients = nullptr;  // of this block in MCU 0: (8,8), zero before decoding
  int64_t step = 0;                 // blocks from one MCU to the next in `coefficients`
};

// Decodes MCUs [begin, end) of a row; each MCU consists of `blocks`. False: bad code, too many coefficients, DC out of
// range or not enough data; the state and the coefficients are undefined then.
bool read_mcus(JpegBits& state, std::span<const JpegBlock> blocks, int64_t begin, int64_t end);
// The same without storing coefficients: only the DC predictions are updated.
bool skip_mcus(JpegBits& state, std::span<const JpegBlock> blocks, int64_t begin, int64_t end);

}  // namespace skein
