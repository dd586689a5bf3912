// Quantisation of a flat vector to 8, 4 or 2 bits per number, with an f32 scale for every block of N numbers:
//
//   s = max |d| / L            L = 127 for 8 bits, 7 for 4 bits
//   s = mean of |d| over the numbers with |d| >= 3/4 of the block's mean |d|      2 bits, L = 1
//   code = d / s, rounded to nearest, ties to even, at most L in magnitude        0 where s is 0
//   q = code * s    error = d - q
//   mean = (((q_0 + q_1) + q_2) + ...) * (1/K)         in rank order, rounded to f32 after every operation
//
// Zero is a level: padding and numbers that have not moved arrive as zero. No number's error is larger than the number,
// and the largest of a block gets smaller, so error feedback converges. 8 and 4 bits clip nothing. With 2 bits the
// maximum would be a poor scale: of normal numbers it leaves 0.59 of the variance, the scale above 0.19 (a sign: 0.36).
// A NaN or an infinity in a block makes s NaN or infinite: the codes are 0 then, and the whole block decodes to NaN, as
// error and as mean.
//
// A message has a row of 1 + bits*N/32 words per block: s, then the codes in two's complement. Number i of a block is
// in word i % W at bit bits * (i / W) of it, with W = bits*N/32: neighbours lie in neighbouring words, so words are
// packed without exchange between lanes. Numbers after the last one count as zero. Sums over a block have one order on
// both back ends: number i is added to lane i % 32, then lanes are added by halves. Threads, transports and back ends
// give the same bits. d, error, mean (n), f32; message (rows, words per row) or longer, i32.
// Sources: QSGD, Alistarh et al., arXiv 1610.02132 (buckets with a scale each; their maximum, as in its experiments;
// here rounding is to nearest, as error feedback needs no unbiased rounding). 2 bits: ternary weight networks, Li and
// Liu, arXiv 1605.04711 (the threshold and the scale).
#pragma once

#include "kernels/kernel.h"

namespace skein {

struct Quantiser {
  static constexpr int64_t kLargestBlock = 4096;
  int64_t bits = 8;                                        // 8, 4 or 2
  int64_t block = 256;                                     // N: a multiple of 32, at most kLargestBlock
  int64_t words() const { return 1 + bits * block / 32; }  // per block
  int64_t blocks(int64_t n) const { return (n + block - 1) / block; }
  bool is_valid() const {
    return (bits == 8 || bits == 4 || bits == 2) && block > 0 && block % 32 == 0 && block <= kLargestBlock;
  }
  bool operator==(const Quantiser&) const = default;
};

// Computes the message and the error, which may be absent and may be d.
using Quantise = void(Stream, Quantiser, View d, View message, View error);
// messages (ranks, words): per rank the rows of the blocks that hold mean, the first of which begins with mean's first.
using QuantisedMean = void(Stream, Quantiser, View messages, View mean);

SKEIN_KERNEL(quantise, Quantise, each_once);
SKEIN_KERNEL(quantised_mean, QuantisedMean, each_once);

}  // namespace skein
