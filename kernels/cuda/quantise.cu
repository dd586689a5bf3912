// Quantisation: a warp finds the scale of a block of numbers and packs its codes, a word per lane. Decoding: a thread
// adds one word of all K ranks. Bytes per number, b bits: quantise 4 + b/8, with error 8 + b/8 (a second pass over the
// block, a third with 2 bits, come from the cache); quantised_mean 4 + K b/8.
#include "kernels/cuda/dialect/gpu.h"
#include "kernels/quantise.h"

namespace skein::cuda {
namespace {

constexpr int kQuantiseWarps = kBlock / kWarp;
constexpr float kRounder = 12582912.0f;  // 1.5 * 2^23: a sum with it is rounded to an integer, ties to even

// The numbers of a block; those after the last one are zero.
struct BlockOfNumbers {
  const float* d;
  int count, block;
  __device__ float operator[](int i) const { return i < count ? d[i] : 0.0f; }
};

// Each by the whole warp; the result is in every lane.
__device__ inline float largest_scale(const BlockOfNumbers& x, float levels) {
  uint32_t largest = 0;  // the bit patterns of magnitudes have their order, and NaN is the largest
  for (int i = int(threadIdx.x) % kWarp; i < x.block; i += kWarp) {
    const uint32_t size = bits_of(x[i]) & 0x7fffffffu;
    largest = size > largest ? size : largest;
  }
#pragma unroll
  for (int lanes = kWarp / 2; lanes > 0; lanes /= 2) {
    const uint32_t other = __shfl_xor_sync(0xffffffffu, largest, lanes);
    largest = other > largest ? other : largest;
  }
  return float_of(largest) / levels;
}
__device__ inline float ternary_scale(const BlockOfNumbers& x) {
  float sum = 0.0f, above = 0.0f, count = 0.0f;
  for (int i = int(threadIdx.x) % kWarp; i < x.block; i += kWarp) sum += fabsf(x[i]);
  const float threshold = 0.75f * (warp_sum(sum) / float(x.block));
  for (int i = int(threadIdx.x) % kWarp; i < x.block; i += kWarp) {
    const float size = fabsf(x[i]);
    above += size >= threshold ? size : 0.0f;
    count += size >= threshold ? 1.0f : 0.0f;
  }
  above = warp_sum(above);
  return above / warp_sum(count);
}

template <int kBits>
__global__ void __launch_bounds__(kBlock)
    quantise_kernel(const float* d, int64_t n, int block, uint32_t* message, float* error) {
  constexpr float kLevels = float((1 << (kBits - 1)) - 1);
  const int64_t b = int64_t{blockIdx.x} * kQuantiseWarps + threadIdx.x / kWarp, first = b * block;
  if (first >= n) return;  // the whole warp
  const int lane = int(threadIdx.x) % kWarp, words = block / (32 / kBits);
  const BlockOfNumbers x{d + first, int(n - first < block ? n - first : block), block};
  const float scale = kBits == 2 ? ternary_scale(x) : largest_scale(x, kLevels);
  const bool usable = scale > 0.0f && scale < kInfinity;
  const float divisor = usable ? scale : 1.0f, limit = usable ? kLevels : 0.0f;
  uint32_t* row = message + b * (1 + words);
  if (lane == 0) row[0] = bits_of(scale);
#pragma unroll 1
  for (int w = lane; w < words; w += kWarp) {
    uint32_t word = 0;
#pragma unroll
    for (int j = 0; j < 32 / kBits; ++j) {
      const int i = w + words * j;
      const float number = x[i];
      float code = number / divisor;
      code = code < limit ? code : limit;  // a NaN becomes the limit, which is 0 then
      code = code > -limit ? code : -limit;
      const float rounded = code + kRounder;
      word |= (bits_of(rounded) & ((1u << kBits) - 1)) << (kBits * j);
      if (error && i < x.count) error[first + i] = number - (rounded - kRounder) * scale;
    }
    row[1 + w] = word;
  }
}

// A thread decodes a word of a block: numbers w, w + words, w + 2 words ... of it.
template <int kBits>
__global__ void __launch_bounds__(kBlock) quantised_mean_kernel(const uint32_t* messages, int64_t stride, int ranks,
                                                                int block, Divider words, float* mean, int64_t n) {
  const int64_t thread = int64_t{blockIdx.x} * kBlock + threadIdx.x;
  const Divider::Result at = words.divide(uint32_t(thread));
  const int64_t b = at.quotient, first = b * block;
  if (first >= n) return;
  const int count = block / (32 / kBits), w = int(at.remainder);
  float sum[32 / kBits] = {};
#pragma unroll 4
  for (int k = 0; k < ranks; ++k) {
    const uint32_t* row = messages + k * stride + b * (1 + count);
    const float scale = float_of(row[0]);
    const uint32_t word = row[1 + w];
#pragma unroll
    for (int j = 0; j < 32 / kBits; ++j)
      sum[j] += float(int32_t(word << (32 - kBits * (j + 1))) >> (32 - kBits)) * scale;
  }
  const float share = 1.0f / float(ranks);
#pragma unroll
  for (int j = 0; j < 32 / kBits; ++j) {
    const int64_t i = first + w + count * j;
    if (i < n) mean[i] = sum[j] * share;
  }
}

void check(const Quantiser& q, int64_t n, int64_t words) {
  CHECK(q.is_valid() && words >= q.blocks(n) * q.words(), "{} bits, blocks of {}: {} numbers in {} words", q.bits,
        q.block, n, words);
}

}  // namespace

void quantise(Stream stream, Quantiser q, View d, View message, View error) {
  const int64_t n = d.numel(), blocks = q.blocks(n);
  check(q, n, message.numel());
  CHECK(!error || error.numel() == n, "{} numbers, an error of {}", n, error.numel());
  const auto kernel = q.bits == 8 ? quantise_kernel<8> : q.bits == 4 ? quantise_kernel<4> : quantise_kernel<2>;
  launch(kernel, ceil_div(blocks, kQuantiseWarps), kBlock, stream, d.as<float>(), n, int(q.block),
         message.as<uint32_t>(), error.as<float>());
}

void quantised_mean(Stream stream, Quantiser q, View messages, View mean) {
  const int64_t n = mean.numel(), blocks = q.blocks(n), words = q.words() - 1;
  check(q, n, messages.channels());
  const auto kernel = q.bits == 8   ? quantised_mean_kernel<8>
                      : q.bits == 4 ? quantised_mean_kernel<4>
                                    : quantised_mean_kernel<2>;
  CHECK(blocks * words < (int64_t{1} << 31) - kBlock, "a mean of {} numbers", n);
  launch(kernel, ceil_div(blocks * words, kBlock), kBlock, stream, messages.as<uint32_t>(), messages.channels(),
         int(messages.rows()), int(q.block), Divider(words), mean.as<float>(), n);
}

}  // namespace skein::cuda
