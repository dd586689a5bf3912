// One bit per number and one scale per parameter tensor, over the flat vector (algorithms 3 and 4 of local SGD):
//
//   d = memory + (consensus - value)    scale_s = sum |d| / count_s    bit = d < 0 (zero is sent as +1)
//   q = 1 - 2*bit    error = d - scale_s * q
//   mean = (1/K) sum over ranks of scale_s,k * q_k             textbook
//   mean = ((1/K) sum of scale_s,k) * ((1/K) sum of q_k)       mean of means
//
// The bits are one stream without padding, bit i in word i/32 at i%32, the last word filled with zeros. Sums over a
// segment are taken in fixed chunks and added in double (f32 on CUDA), sums over ranks in rank order in f32: neither
// the threads nor the way the bits travelled changes a result. The padding between segments is read as zero and decodes
// to zero.
#pragma once

#include "kernels/view.h"

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

// What arrived: i32 (ranks, words + segments), per rank its words of the stream from first_word on, then its scales.
struct SignMessages {
  View data;
  int64_t words, first_word;
};

// memory may be absent; d may be memory. Per number 16 bytes, 12 without memory. d's padding is left as it is.
using SignScales = void(Stream, SignLayout, View consensus, View value, View memory, View d, View scales);
// words: i32, ceil(bits/32). error may be absent, and may be d: 4 bytes per number, 8 with it.
using SignPack = void(Stream, SignLayout, View d, View scales, View words, View error);
// Numbers [begin, begin + mean.numel()) of the flat vector, padding included.
using SignMean = void(Stream, SignLayout, SignMessages, int64_t begin, View mean);
// How many ranks sent a one, in binary: plane p (of the `planes` rows, i32 (planes, words)) holds digit p.
using SignCount = void(Stream, SignMessages, View planes);
using SignCountMean = void(Stream, SignLayout, SignMessages, View planes, int64_t begin, View mean);

namespace cpu {
SignScales sign_scales;
SignPack sign_pack;
SignMean sign_mean;
SignCount sign_count;
SignCountMean sign_count_mean;
}  // namespace cpu
namespace cuda {
SignScales sign_scales;
SignPack sign_pack;
SignMean sign_mean;
SignCount sign_count;
SignCountMean sign_count_mean;
}  // namespace cuda

}  // namespace skein
