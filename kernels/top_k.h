// The largest numbers of a flat vector: of every block of 4096 numbers the k of largest magnitude, as they are.
//
//   q_i = d_i where i is among the k, else 0     error = d - q, which is d or 0
//   mean = (((q_0 + q_1) + q_2) + ...) * (1/K)   in rank order, rounded to f32 after every operation
//
// Order: by the bit pattern without the sign, larger first; equal ones by index, smaller first. So a NaN comes before
// an infinity, and both before any number: they are sent, and leave no error. Where fewer than k numbers differ from
// zero, zeros are sent. The last block, which may be shorter, sends k as well, or all it has.
//
// The threshold is found bit by bit from the highest: 31 counts of the block's numbers, which are on chip, in place of
// a sort. No atomics and no order of threads: threads, transports and back ends give the same bits.
//
// A message has a row of k + ceil(12 k / 32) words per block: the f32 values in order of their indices, then those,
// 12 bits each, in one stream: bit b of it is bit b%32 of word b/32. Unused places are zero. Its size depends on n and
// k alone. A bit per number in place of indices would be shorter from k = 4096/12 on, where 4-bit codes
// (kernels/quantise.h) are shorter than either. d, error, mean (n), f32; message (rows, words per row) or longer, i32.
// Sources: Sparsified SGD with memory, Stich et al., arXiv 1809.07599 (top-k with error memory; its contraction,
// definition 2.1, holds for every block, so for the vector); by blocks of 4096: SparseLoCo, arXiv 2508.15706.
#pragma once

#include "kernels/kernel.h"

namespace skein {

struct TopK {
  static constexpr int64_t kBlock = 4096, kIndexBits = 12;
  int64_t k = 1;                                                    // per block, 1 to kBlock
  int64_t words() const { return k + (kIndexBits * k + 31) / 32; }  // per block
  int64_t blocks(int64_t n) const { return (n + kBlock - 1) / kBlock; }
  bool operator==(const TopK&) const = default;
};

// Computes the message and the error, which may be absent and may be d.
using TopKPack = void(Stream, TopK, View d, View message, View error);
// messages (ranks, words): per rank the rows of the blocks that hold mean, the first of which begins with mean's first.
using TopKMean = void(Stream, TopK, View messages, View mean);

SKEIN_KERNEL(top_k_pack, TopKPack, each_once);
SKEIN_KERNEL(top_k_mean, TopKMean, each_once);

}  // namespace skein
