#include "kernels/quantise.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/simd.h"
#include "kernels/cpu/dialect/bf16_vector.h"

// Vectors are passed only to inlined functions, so their calling convention does not matter.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace skein::cpu {
namespace {

constexpr int64_t kLanes = 32;
// Added to a number below 2^22 it leaves the nearest integer, ties to even, in the lowest bits of the sum.
constexpr float kRounder = 12582912.0f;  // 1.5 * 2^23
constexpr float largest_code(int64_t bits) { return float((1 << (bits - 1)) - 1); }

// Lanes i and i + 16 are element i of the two halves.
using Floats = VectorOf<float, kLanes / 2>::Type;
using Words = VectorOf<uint32_t, kLanes / 2>::Type;

[[gnu::always_inline]] inline void magnitudes(Words& v, const float* p) {
  std::memcpy(&v, p, sizeof v);
  v &= 0x7fffffffu;
}
template <class V>
[[gnu::always_inline]] inline auto fold(const V (&halves)[2]) {
  V sum = halves[0] + halves[1];
  for (int64_t half = kLanes / 4; half > 0; half /= 2)
    for (int64_t i = 0; i < half; ++i) sum[i] += sum[i + half];
  return sum[0];
}

// Scale of the numbers d[0, n), n a multiple of 32.
SKEIN_SIMD float largest_scale(const float* d, int64_t n, float levels) {
  uint32_t largest = 0;  // the bit patterns of magnitudes have their order, and NaN is the largest
  for (int64_t i = 0; i < n; ++i) largest = std::max(largest, std::bit_cast<uint32_t>(d[i]) & 0x7fffffffu);
  return std::bit_cast<float>(largest) / levels;
}
SKEIN_SIMD float ternary_scale(const float* d, int64_t n) {
  Floats sums[2] = {}, above[2] = {};
  Words counts[2] = {};
  for (int64_t i = 0; i < n; i += kLanes)
    for (int half = 0; half < 2; ++half) {
      Words bits;
      magnitudes(bits, d + i + half * kLanes / 2);
      sums[half] += (Floats)bits;
    }
  const float threshold = 0.75f * (fold(sums) / float(n));
  for (int64_t i = 0; i < n; i += kLanes)
    for (int half = 0; half < 2; ++half) {
      Words bits;
      magnitudes(bits, d + i + half * kLanes / 2);
      const Words reached = (Words)((Floats)bits >= threshold);  // all ones, or zero
      above[half] += (Floats)(bits & reached);
      counts[half] -= reached;
    }
  return fold(above) / float(fold(counts));
}

// Codes of d[0, block) as words; with error also error = d - code * scale.
template <int kBits>
[[gnu::always_inline]] inline void encode(const float* d, float scale, int64_t words, uint32_t* to, float* error) {
  constexpr float kLevels = float((1 << (kBits - 1)) - 1);
  const bool usable = scale > 0 && scale < HUGE_VALF;
  const float divisor = usable ? scale : 1.0f, limit = usable ? kLevels : 0.0f;
  std::fill(to, to + words, 0u);
  for (int j = 0; j < 32 / kBits; ++j) {
    const float* from = d + j * words;
    SKEIN_INDEPENDENT
    for (int64_t w = 0; w < words; ++w) {
      float x = from[w] / divisor;
      x = x < limit ? x : limit;  // a NaN becomes the limit, which is 0 then
      x = x > -limit ? x : -limit;
      const float rounded = x + kRounder;
      to[w] |= (std::bit_cast<uint32_t>(rounded) & ((1u << kBits) - 1)) << (kBits * j);
      if (error) error[j * words + w] = from[w] - (rounded - kRounder) * scale;
    }
  }
}
SKEIN_SIMD void encode_8(const float* d, float s, int64_t n, uint32_t* to, float* e) { encode<8>(d, s, n, to, e); }
SKEIN_SIMD void encode_4(const float* d, float s, int64_t n, uint32_t* to, float* e) { encode<4>(d, s, n, to, e); }
SKEIN_SIMD void encode_2(const float* d, float s, int64_t n, uint32_t* to, float* e) { encode<2>(d, s, n, to, e); }

// sum[i] += code * scale.
template <int kBits>
[[gnu::always_inline]] inline void decode(const uint32_t* words, int64_t count, float scale, float* sum) {
  for (int j = 0; j < 32 / kBits; ++j) {
    const int up = 32 - kBits * (j + 1);
    SKEIN_INDEPENDENT
    for (int64_t w = 0; w < count; ++w) sum[j * count + w] += float(int32_t(words[w] << up) >> (32 - kBits)) * scale;
  }
}
SKEIN_SIMD void decode_8(const uint32_t* words, int64_t n, float s, float* sum) { decode<8>(words, n, s, sum); }
SKEIN_SIMD void decode_4(const uint32_t* words, int64_t n, float s, float* sum) { decode<4>(words, n, s, sum); }
SKEIN_SIMD void decode_2(const uint32_t* words, int64_t n, float s, float* sum) { decode<2>(words, n, s, sum); }

void check(const Quantiser& q, int64_t n, int64_t words) {
  CHECK(q.is_valid() && words >= q.blocks(n) * q.words(), "{} bits, blocks of {}: {} numbers in {} words", q.bits,
        q.block, n, words);
}

}  // namespace

void quantise(Stream, Quantiser q, View d, View message, View error) {
  const int64_t n = d.numel(), blocks = q.blocks(n);
  check(q, n, message.numel());
  CHECK(!error || error.numel() == n, "{} numbers, an error of {}", n, error.numel());
  const auto encode = q.bits == 8 ? encode_8 : q.bits == 4 ? encode_4 : encode_2;
  parallel_ranges(blocks, 16, [&](int64_t begin, int64_t end) {
    float last[Quantiser::kLargestBlock];
    for (int64_t b = begin; b < end; ++b) {
      const float* from = d.as<float>() + b * q.block;
      float* left = error ? error.as<float>() + b * q.block : nullptr;
      const int64_t count = std::min(q.block, n - b * q.block);
      if (count < q.block) {
        std::fill(std::copy_n(from, count, last), last + q.block, 0.0f);
        from = last;
      }
      const float scale =
          q.bits == 2 ? ternary_scale(from, q.block) : largest_scale(from, q.block, largest_code(q.bits));
      uint32_t* to = message.as<uint32_t>() + b * q.words();
      to[0] = std::bit_cast<uint32_t>(scale);
      encode(from, scale, q.words() - 1, to + 1, left && count < q.block ? last : left);
      if (left && count < q.block) std::copy_n(last, count, left);
    }
  });
}

void quantised_mean(Stream, Quantiser q, View messages, View mean) {
  const int64_t n = mean.numel(), ranks = messages.rows(), stride = messages.channels();
  const int64_t blocks = q.blocks(n);
  check(q, n, stride);
  const auto decode = q.bits == 8 ? decode_8 : q.bits == 4 ? decode_4 : decode_2;
  const float share = 1.0f / float(ranks);
  parallel_ranges(blocks, 16, [&](int64_t begin, int64_t end) {
    float sum[Quantiser::kLargestBlock];
    for (int64_t b = begin; b < end; ++b) {
      std::fill_n(sum, q.block, 0.0f);
      for (int64_t k = 0; k < ranks; ++k) {
        const uint32_t* from = messages.as<uint32_t>() + k * stride + b * q.words();
        decode(from + 1, q.words() - 1, std::bit_cast<float>(from[0]), sum);
      }
      float* to = mean.as<float>() + b * q.block;
      for (int64_t i = 0; i < std::min(q.block, n - b * q.block); ++i) to[i] = sum[i] * share;
    }
  });
}

}  // namespace skein::cpu
