// Sign compression, receiving side. Decoding: a thread decodes eight numbers of all K ranks. Counting: a thread adds
// one word of all ranks into P planes of binary digits. Bytes per number: sign_mean 4 + K/8; sign_count (K + P)/8;
// sign_count_mean 4 + P/8.
#include "kernels/cuda/dialect/elementwise.h"
#include "kernels/cuda/dialect/sign_segments.h"
#include "kernels/cuda/dialect/workspace_lock.h"
#include "kernels/device/runtime.h"

namespace skein::cuda {
namespace {

constexpr int kNumbers = 8;  // numbers per thread

struct Received {
  const uint32_t* words;  // (ranks, stride): words of the stream from first_word on, then the scales
  int64_t stride, first_bit, scales_at;
  int ranks;

  explicit Received(const SignMessages& m)
      : words(m.data.as<uint32_t>()),
        stride(m.data.channels()),
        first_bit(m.first_word * 32),
        scales_at(m.words),
        ranks(int(m.data.rows())) {}
  __device__ float scale(int rank, int64_t segment) const {
    return float_of(words[rank * stride + scales_at + segment]);
  }
};

// Codes for decode(): value of a number = factor * (base + sum over rows of +-weight), negative where the row's bit is
// 1. Ranks: a row of words per rank, the weight is the rank's scale.
struct Ranks {
  Received in;
  float base, over_ranks;

  __device__ const uint32_t* words() const { return in.words; }
  __device__ int64_t stride() const { return in.stride; }
  __device__ int rows() const { return in.ranks; }
  __device__ float weight(int row, int64_t segment) const { return in.scale(row, segment); }
  __device__ float factor(int64_t) const { return over_ranks; }
};

// Digits: a row per binary digit of the number of ones. With n ones of K ranks in B digits, the sum of the signs is
// K - 2n = K - (2^B - 1) + sum over p of +-2^p.
struct Digits {
  const uint32_t* planes;
  int64_t row;
  int digits;
  float base;
  const float* factors;  // per segment

  __device__ const uint32_t* words() const { return planes; }
  __device__ int64_t stride() const { return row; }
  __device__ int rows() const { return digits; }
  __device__ float weight(int digit, int64_t) const { return float(1u << digit); }
  __device__ float factor(int64_t segment) const { return factors[segment]; }
};

// Decodes the N numbers whose bits begin at position `bit` of the code's words.
template <int N, class Code>
__device__ void decode(const Code& code, int64_t bit, int64_t segment, float (&out)[N]) {
  const int64_t word = bit / 32;
  const int shift = int(bit % 32);
#pragma unroll
  for (int k = 0; k < N; ++k) out[k] = code.base;
#pragma unroll 4
  for (int row = 0; row < code.rows(); ++row) {
    const uint32_t* at = code.words() + row * code.stride() + word;
    uint32_t bits = at[0] >> shift;
    if (N > 1 && shift + N > 32) bits |= at[1] << (32 - shift);
    const uint32_t weight = bits_of(code.weight(row, segment));
#pragma unroll
    for (int k = 0; k < N; ++k) out[k] += float_of(weight ^ (bits >> k & 1u) << 31);
  }
  const float factor = code.factor(segment);
#pragma unroll
  for (int k = 0; k < N; ++k) out[k] *= factor;
}

// mean[0, n) = numbers begin .. begin+n-1 of the flat vector; zero between the segments.
template <class Code>
__global__ void __launch_bounds__(kBlock)
    decode_kernel(SignLayout l, const __grid_constant__ Code code, int64_t first_bit, int64_t begin, float* mean,
                  int64_t n, bool aligned) {
  const int64_t tile = int64_t{blockIdx.x} * (kBlock * kNumbers), i = tile + int(threadIdx.x) * kNumbers;
  if (i >= n) return;
  int64_t s = first_ending_after<Order::flat>(l, begin + tile);
  const auto ends = [&](int64_t at) { return l.segments[s].begin + l.segments[s].count <= at; };
  const auto bit_of = [&](int64_t at) { return l.segments[s].bit + (at - l.segments[s].begin) - first_bit; };
  const int64_t at = begin + i;
  while (s < l.count && ends(at)) ++s;
  if (s < l.count && l.segments[s].begin <= at && !ends(at + kNumbers - 1) && i + kNumbers <= n && aligned) {
    float out[kNumbers];
    decode(code, bit_of(at), s, out);
    store(mean + i, out);
    return;
  }
  for (int64_t k = 0; k < kNumbers && i + k < n; ++k) {
    while (s < l.count && ends(at + k)) ++s;
    float out[1] = {0.0f};
    if (s < l.count && l.segments[s].begin <= at + k) decode(code, bit_of(at + k), s, out);
    mean[i + k] = out[0];
  }
}

// Per segment: the mean of the ranks' scales, divided by the number of ranks.
__global__ void __launch_bounds__(kBlock)
    factors_kernel(const __grid_constant__ Received in, int count, float* factors) {
  const int s = int(blockIdx.x * kBlock + threadIdx.x);
  if (s >= count) return;
  float sum = 0.0f;
#pragma unroll 4
  for (int rank = 0; rank < in.ranks; ++rank) sum += in.scale(rank, s);
  factors[s] = sum / float(in.ranks) / float(in.ranks);
}

// Ripple-carry adder for 32 counters at once. Digits from `digits` on stay zero.
template <int kDigits>
__global__ void __launch_bounds__(kBlock)
    count_kernel(const uint32_t* words, int64_t stride, int ranks, uint32_t* planes, int digits, int64_t n) {
  const int64_t i = int64_t{blockIdx.x} * kBlock + threadIdx.x;
  if (i >= n) return;
  uint32_t plane[kDigits] = {};
#pragma unroll 8
  for (int rank = 0; rank < ranks; ++rank) {
    uint32_t carry = words[rank * stride + i];
#pragma unroll
    for (int p = 0; p < kDigits; ++p) {
      const uint32_t sum = plane[p] ^ carry;
      carry &= plane[p];
      plane[p] = sum;
    }
  }
#pragma unroll
  for (int p = 0; p < kDigits; ++p)
    if (p < digits) planes[p * n + i] = plane[p];
}

template <class Code>
void decode_all(Stream stream, SignLayout l, const Code& code, const SignMessages& m, int64_t begin, View mean) {
  launch(decode_kernel<Code>, ceil_div(mean.numel(), kBlock * kNumbers), kBlock, stream, l, code, m.first_word * 32,
         begin, mean.as<float>(), mean.numel(), is_aligned(mean.data, 16));
}

void check(const SignLayout& l, const SignMessages& m) {
  CHECK(m.data.channels() == m.words + l.count, "a message has {} words, not {} and {} scales", m.data.channels(),
        m.words, l.count);
}

}  // namespace

void sign_mean(Stream stream, SignLayout l, SignMessages m, int64_t begin, View mean) {
  check(l, m);
  const Received in(m);
  decode_all(stream, l, Ranks{in, 0.0f, 1.0f / float(in.ranks)}, m, begin, mean);
}

void sign_count(Stream stream, SignMessages m, View planes) {
  const Received in(m);
  const int64_t digits = planes.rows();
  CHECK(planes.channels() == m.words && digits < 32 && in.ranks < int64_t{1} << digits, "{} ranks do not fit {} digits",
        in.ranks, digits);
  const auto kernel = digits <= 4 ? count_kernel<4> : digits <= 8 ? count_kernel<8> : count_kernel<31>;
  launch(kernel, ceil_div(m.words, kBlock), kBlock, stream, in.words, in.stride, in.ranks, planes.as<uint32_t>(),
         int(digits), m.words);
}

void sign_count_mean(Stream stream, SignLayout l, SignMessages m, View planes, int64_t begin, View mean) {
  check(l, m);
  const Received in(m);
  const int64_t digits = planes.rows();
  const auto held = hold_workspace(stream);
  float* factors = static_cast<float*>(workspace(stream, size_t(l.count) * sizeof(float)));
  launch(factors_kernel, ceil_div(l.count, kBlock), kBlock, stream, in, int(l.count), factors);
  const float base = float(in.ranks - (int64_t{1} << digits) + 1);
  decode_all(stream, l, Digits{planes.as<uint32_t>(), planes.channels(), int(digits), base, factors}, m, begin, mean);
}

}  // namespace skein::cuda
