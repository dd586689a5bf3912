// Top-k: a block of threads per 4096 numbers, which lie in registers while the threshold is found and the numbers sent
// are numbered in order of their indices, by ballots. Decoding: a block of threads adds the ranks' numbers in shared
// memory, one rank after another. Bytes per number: top_k_pack 4 + 44/8 k/4096, with error 4 more; top_k_mean
// 4 + K 44/8 k/4096.
#include "kernels/cuda/dialect/gpu.h"
#include "kernels/top_k.h"

namespace skein::cuda {
namespace {

constexpr int kTopNumbers = int(TopK::kBlock), kTopBits = int(TopK::kIndexBits);
constexpr int kTopWarps = kBlock / kWarp, kOfThread = kTopNumbers / kBlock, kOfWarp = kTopNumbers / kTopWarps;

// Numbers of a range that are above the threshold, and at it.
struct Reached {
  int above, equal;
};

// What the numbers of a warp are to the threshold, one bit per lane.
struct Ballots {
  uint32_t above, equal;
  __device__ Ballots(uint32_t key, uint32_t threshold)
      : above(__ballot_sync(0xffffffffu, key > threshold)), equal(__ballot_sync(0xffffffffu, key == threshold)) {}
};

// The k-th largest key: the largest number that at least k keys reach. A thread's keys are in registers.
__device__ inline uint32_t top_threshold(const uint32_t (&bits)[kOfThread], int k) {
  uint32_t found = 0;
#pragma unroll 1
  for (uint32_t bit = 1u << 30; bit > 0; bit >>= 1) {
    int count = 0;
#pragma unroll
    for (int r = 0; r < kOfThread; ++r) count += (bits[r] & 0x7fffffffu) >= (found | bit) ? 1 : 0;
    if (block_sum(float(count)) >= float(k)) found |= bit;  // integers below 2^24: exact
  }
  return found;
}

// Words of the indices of a row, of which `count` are used.
__device__ inline void store_indices(const uint16_t* indices, int count, int words, uint32_t* to) {
  for (int w = int(threadIdx.x); w < words; w += kBlock) {
    uint32_t word = 0;
    for (int j = 32 * w / kTopBits; j < count && kTopBits * j < 32 * (w + 1); ++j) {
      const int shift = kTopBits * j - 32 * w;
      word |= shift >= 0 ? uint32_t(indices[j]) << shift : uint32_t(indices[j]) >> -shift;
    }
    to[w] = word;
  }
}

// Warp w has the numbers from kOfWarp * w on, of which lane l reads l, l + 32, l + 64 ... Four blocks per
// multiprocessor: left alone, nvcc takes half as many registers again.
__global__ void __launch_bounds__(kBlock, 4)
    top_k_pack_kernel(const float* d, int64_t n, int k, int words, uint32_t* message, float* error) {
  SHARED(uint16_t, indices, [kTopNumbers]);
  SHARED(Reached, of_warp, [kTopWarps]);
  const int64_t first = int64_t{blockIdx.x} * kTopNumbers;
  const int count = int(n - first < kTopNumbers ? n - first : kTopNumbers), sent = k < count ? k : count;
  const int lane = int(threadIdx.x) % kWarp, warp = int(threadIdx.x) / kWarp, begin = warp * kOfWarp + lane;
  uint32_t bits[kOfThread];  // zero after the last number: an index behind it is never among the first `sent`
#pragma unroll
  for (int r = 0; r < kOfThread; ++r) bits[r] = begin + r * kWarp < count ? bits_of(d[first + begin + r * kWarp]) : 0;
  const uint32_t threshold = top_threshold(bits, sent);

  Reached own{0, 0};
#pragma unroll
  for (int r = 0; r < kOfThread; ++r) {
    const Ballots b(bits[r] & 0x7fffffffu, threshold);
    own.above += __popc(b.above), own.equal += __popc(b.equal);
  }
  if (lane == 0) of_warp[warp] = own;
  __syncthreads();
  Reached before{0, 0};
  int above = 0;
  for (int w = 0; w < kTopWarps; ++w) {
    if (w < warp) before.above += of_warp[w].above, before.equal += of_warp[w].equal;
    above += of_warp[w].above;
  }

  uint32_t* row = message + int64_t{blockIdx.x} * words;
  const int wanted = sent - above;  // of those at the threshold
  const uint32_t lower = (1u << lane) - 1;
#pragma unroll
  for (int r = 0; r < kOfThread; ++r) {
    const uint32_t key = bits[r] & 0x7fffffffu;
    const Ballots b(key, threshold);
    const int equal = before.equal + __popc(b.equal & lower), i = begin + r * kWarp;
    const int place = before.above + __popc(b.above & lower) + (equal < wanted ? equal : wanted);
    const bool is_sent = key > threshold || (key == threshold && equal < wanted);
    if (is_sent) row[place] = bits[r], indices[place] = uint16_t(i);
    if (error && i < count) error[first + i] = is_sent ? 0.0f : float_of(bits[r]);
    before.above += __popc(b.above), before.equal += __popc(b.equal);
  }
  for (int j = sent + int(threadIdx.x); j < k; j += kBlock) row[j] = 0;
  __syncthreads();
  store_indices(indices, sent, words - k, row + k);
}

__global__ void __launch_bounds__(kBlock)
    top_k_mean_kernel(const uint32_t* messages, int64_t stride, int ranks, int k, int words, float* mean, int64_t n) {
  SHARED(float, sum, [kTopNumbers]);
  const int64_t first = int64_t{blockIdx.x} * kTopNumbers;
  const int count = int(n - first < kTopNumbers ? n - first : kTopNumbers), sent = k < count ? k : count;
  for (int i = int(threadIdx.x); i < kTopNumbers; i += kBlock) sum[i] = 0.0f;
#pragma unroll 1
  for (int rank = 0; rank < ranks; ++rank) {
    __syncthreads();  // the indices of a rank differ
    const uint32_t* row = messages + rank * stride + int64_t{blockIdx.x} * words;
    for (int j = int(threadIdx.x); j < sent; j += kBlock) {
      const int word = k + kTopBits * j / 32, shift = kTopBits * j % 32;
      uint32_t index = row[word] >> shift;
      if (shift > 32 - kTopBits) index |= row[word + 1] << (32 - shift);
      sum[index % kTopNumbers] += float_of(row[j]);
    }
  }
  __syncthreads();
  const float share = 1.0f / float(ranks);
  for (int i = int(threadIdx.x); i < count; i += kBlock) mean[first + i] = sum[i] * share;
}

void check(const TopK& top, int64_t n, int64_t words) {
  CHECK(top.k >= 1 && top.k <= TopK::kBlock && words >= top.blocks(n) * top.words(),
        "{} numbers of each block: {} numbers in {} words", top.k, n, words);
}

}  // namespace

void top_k_pack(Stream stream, TopK top, View d, View message, View error) {
  const int64_t n = d.numel(), blocks = top.blocks(n);
  check(top, n, message.numel());
  CHECK(!error || error.numel() == n, "{} numbers, an error of {}", n, error.numel());
  launch(top_k_pack_kernel, blocks, kBlock, stream, d.as<float>(), n, int(top.k), int(top.words()),
         message.as<uint32_t>(), error.as<float>());
}

void top_k_mean(Stream stream, TopK top, View messages, View mean) {
  const int64_t n = mean.numel();
  check(top, n, messages.channels());
  launch(top_k_mean_kernel, top.blocks(n), kBlock, stream, messages.as<uint32_t>(), messages.channels(),
         int(messages.rows()), int(top.k), int(top.words()), mean.as<float>(), n);
}

}  // namespace skein::cuda
