#include "kernels/top_k.h"

#include <bit>

#include "base/check.h"
#include "base/simd.h"

namespace skein::cpu {
namespace {

constexpr int64_t kNumbers = TopK::kBlock;  // of a block
constexpr uint32_t kMagnitude = 0x7fffffffu;

SKEIN_SIMD void magnitudes(const float* d, uint32_t* keys, int64_t n) {
  for (int64_t i = 0; i < n; ++i) keys[i] = std::bit_cast<uint32_t>(d[i]) & kMagnitude;
}
SKEIN_SIMD int32_t count_above(const uint32_t* keys, int64_t n, uint32_t bound) {
  int32_t count = 0;
  for (int64_t i = 0; i < n; ++i) count += int32_t(keys[i]) > int32_t(bound);
  return count;
}

// The k-th largest key: the largest number that at least k keys reach.
uint32_t threshold(const uint32_t* keys, int64_t n, int64_t k) {
  uint32_t found = 0;
  for (uint32_t bit = 1u << 30; bit > 0; bit >>= 1)
    if (count_above(keys, n, (found | bit) - 1) >= k) found |= bit;
  return found;
}

// Index j of a row.
uint32_t index_at(const uint32_t* stream, int64_t j) {
  const int64_t bit = TopK::kIndexBits * j, word = bit / 32, shift = bit % 32;
  uint32_t bits = stream[word] >> shift;
  if (shift > 32 - TopK::kIndexBits) bits |= stream[word + 1] << (32 - shift);
  return bits % uint32_t(kNumbers);
}
void put_index(uint32_t* stream, int64_t j, uint32_t index) {
  const int64_t bit = TopK::kIndexBits * j, word = bit / 32, shift = bit % 32;
  stream[word] |= index << shift;
  if (shift > 32 - TopK::kIndexBits) stream[word + 1] |= index >> (32 - shift);
}

// Packs the n numbers of a block into its row.
void pack_block(const TopK& top, const float* d, int64_t n, uint32_t* row, float* error) {
  uint32_t keys[kNumbers];
  magnitudes(d, keys, n);
  const int64_t k = std::min(top.k, n);
  const uint32_t least = threshold(keys, n, k);
  int64_t equal = k - count_above(keys, n, least);  // that are sent, of those at the threshold
  std::fill_n(row, top.words(), 0u);
  for (int64_t i = 0, j = 0; i < n; ++i) {
    const bool sent = keys[i] > least || (keys[i] == least && equal-- > 0);
    if (sent) {
      row[j] = std::bit_cast<uint32_t>(d[i]);
      put_index(row + top.k, j++, uint32_t(i));
    }
    if (error) error[i] = sent ? 0.0f : d[i];
  }
}

void check(const TopK& top, int64_t n, int64_t words) {
  CHECK(top.k >= 1 && top.k <= TopK::kBlock && words >= top.blocks(n) * top.words(),
        "{} numbers of each block: {} numbers in {} words", top.k, n, words);
}

}  // namespace

void top_k_pack(Stream, TopK top, View d, View message, View error) {
  const int64_t n = d.numel(), blocks = top.blocks(n);
  check(top, n, message.numel());
  CHECK(!error || error.numel() == n, "{} numbers, an error of {}", n, error.numel());
  parallel_ranges(blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b)
      pack_block(top, d.as<float>() + b * kNumbers, std::min(kNumbers, n - b * kNumbers),
                 message.as<uint32_t>() + b * top.words(), error ? error.as<float>() + b * kNumbers : nullptr);
  });
}

void top_k_mean(Stream, TopK top, View messages, View mean) {
  const int64_t n = mean.numel(), ranks = messages.rows(), stride = messages.channels();
  const int64_t blocks = top.blocks(n);
  check(top, n, stride);
  const float share = 1.0f / float(ranks);
  parallel_ranges(blocks, 1, [&](int64_t begin, int64_t end) {
    float sum[kNumbers];
    for (int64_t b = begin; b < end; ++b) {
      const int64_t count = std::min(kNumbers, n - b * kNumbers);
      std::fill_n(sum, kNumbers, 0.0f);
      for (int64_t r = 0; r < ranks; ++r) {
        const uint32_t* row = messages.as<uint32_t>() + r * stride + b * top.words();
        for (int64_t j = 0; j < std::min(top.k, count); ++j)
          sum[index_at(row + top.k, j)] += std::bit_cast<float>(row[j]);
      }
      for (int64_t i = 0; i < count; ++i) mean.as<float>()[b * kNumbers + i] = sum[i] * share;
    }
  });
}

}  // namespace skein::cpu
