// Sign compression: one bit per number and one scale per parameter tensor, over the flat vector (algorithms 3 and 4 of
// local SGD, arXiv 1808.07217):
//
//   d = memory + (consensus - value)    scale_s = sum |d| / count_s    bit = d < 0, of a zero a fair draw
//   q = 1 - 2*bit    error = d - scale_s * q
//   mean = (1/K) sum over ranks of scale_s,k * q_k             textbook
//   mean = ((1/K) sum of scale_s,k) * ((1/K) sum of q_k)       mean of means
//
// An exact zero is sent as +scale or -scale with equal chance (SignTies): always +1 would move all ranks the same way.
// The bits are one stream without padding: bit i is bit i%32 of word i/32, the last word is filled with zeros. Sums
// over a segment are taken in fixed chunks and added in double (f32 on CUDA), sums over ranks in rank order in f32:
// neither the number of threads nor the transport changes a result. The padding between segments counts as zero and
// decodes to zero.
//
// consensus, value, memory, d, error and mean are (n), f32; scales (segments), f32; words (ceil(bits/32)), i32.
// Bytes: each operand is moved once; of messages, sign_mean and sign_count read all, sign_count_mean the scales alone.
#pragma once

#include "base/random.h"
#include "kernels/kernel.h"

namespace skein {

struct SignSegment {
  int64_t begin, count;  // in the flat vector, without padding
  int64_t bit;           // where its bits begin in the stream: the sum of the counts before it
};
struct SignLayout {
  const SignSegment* segments;  // in memory of the device; ascending
  int64_t count;
  int64_t bits() const { return count ? segments[count - 1].bit + segments[count - 1].count : 0; }
};

// The draws for zeros: of a zero whose bit is bit i of the stream, bit i%32 of word i/32. A draw is a pure function of
// step, rank and i, so threads, back ends and transports give the same bits. Of a number other than zero none is used.
struct SignTies {
  static constexpr uint32_t kTie = 0;  // the last word of the counter, in place of a Purpose, which begin at 1
  uint64_t step = 0;                   // local steps before the averaging
  uint32_t rank = 0;                   // of the worker in the run
  bool reply = false;                  // of the mean that a shard's owner compresses again
  SKEIN_HD uint32_t word(int64_t i) const {
    return philox4x32_10({{uint32_t(i), rank, uint32_t(reply), kTie}}, uint32_t(step), uint32_t(step >> 32))[0];
  }
};

// Received data, i32 (ranks, words + segments): per rank its words of the stream from first_word on, then its scales.
struct SignMessages {
  View data;
  int64_t words, first_word;
};

// Computes d and the scales. memory may be absent; d may be memory. d's padding is not written.
using SignScales = void(Stream, SignLayout, View consensus, View value, View memory, View d, View scales);
// Computes the words and the error, which may be absent and may be d.
using SignPack = void(Stream, SignLayout, View d, View scales, View words, View error, SignTies);
// Numbers [begin, begin + mean.numel()) of the flat vector, padding included.
using SignMean = void(Stream, SignLayout, SignMessages, int64_t begin, View mean);
// The number of ranks that sent a one, in binary: plane p (a row of `planes`, i32 (planes, words)) holds digit p.
using SignCount = void(Stream, SignMessages, View planes);
using SignCountMean = void(Stream, SignLayout, SignMessages, View planes, int64_t begin, View mean);

namespace kernel {
inline Cost sign_mean_cost(SignLayout, SignMessages messages, int64_t, View mean) {
  return {bytes_of(messages.data) + bytes_of(mean)};
}
inline Cost sign_count_cost(SignMessages messages, View planes) { return {bytes_of(messages.data) + bytes_of(planes)}; }
}  // namespace kernel

SKEIN_KERNEL(sign_scales, SignScales, each_once);
SKEIN_KERNEL(sign_pack, SignPack, each_once);
SKEIN_KERNEL(sign_mean, SignMean, sign_mean_cost);
SKEIN_KERNEL(sign_count, SignCount, sign_count_cost);
SKEIN_KERNEL(sign_count_mean, SignCountMean, each_once);

}  // namespace skein
