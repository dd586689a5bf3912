// Sign compression, sending side: distances and their mean magnitude per segment, then one bit per number by a ballot
// of the warp. Bytes per number: sign_scales 16, without memory 12; sign_pack 4 + 1/8, with error 8 + 1/8.
#include "kernels/cuda/dialect/elementwise.h"
#include "kernels/cuda/dialect/sign_segments.h"
#include "kernels/cuda/dialect/workspace_lock.h"
#include "kernels/device/runtime.h"
#include "kernels/sign.h"

namespace skein::cuda {
namespace {

constexpr int kWarps = kBlock / kWarp;
constexpr int kChunk = 1024;  // numbers (or bits) per warp

struct Distances {
  const float *consensus, *value, *memory;
  float* d;
  bool aligned;
};

template <int N>
struct Terms {
  Pack<float, N> consensus, value, memory;
};
template <bool kMemory, int N>
__device__ Terms<N> load_terms(const Distances& a, int64_t i) {
  Terms<N> t;
  t.consensus = load<N>(a.consensus + i), t.value = load<N>(a.value + i);
  if constexpr (kMemory) t.memory = load<N>(a.memory + i);
  return t;
}
// d = memory + (consensus - value) for N numbers; returns the sum of |d|.
template <bool kMemory, int N>
__device__ float finish(const Distances& a, int64_t i, const Terms<N>& t) {
  float d[N], sum = 0.0f;
#pragma unroll
  for (int k = 0; k < N; ++k) {
    d[k] = t.consensus[k] - t.value[k];
    if constexpr (kMemory) d[k] = t.memory[k] + d[k];
    sum += fabsf(d[k]);
  }
  store(a.d + i, d);
  return sum;
}

// Computes the numbers [from, to) by one warp; returns the lane's part of the sum of |d|.
template <bool kMemory>
__device__ float distances(const Distances& a, int64_t from, int64_t to) {
  constexpr int kUnroll = 2;
  const int lane = int(threadIdx.x) % kWarp;
  float sum = 0.0f;
  const int vectors = a.aligned && from % 4 == 0 ? int(to - from) / 4 : 0;
#pragma unroll 1
  for (int first = lane; first < vectors; first += kUnroll * kWarp) {
    Terms<4> loaded[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u)
      if (first + u * kWarp < vectors) loaded[u] = load_terms<kMemory, 4>(a, from + 4 * (first + u * kWarp));
#pragma unroll
    for (int u = 0; u < kUnroll; ++u)
      if (first + u * kWarp < vectors) sum += finish<kMemory, 4>(a, from + 4 * (first + u * kWarp), loaded[u]);
  }
#pragma unroll 1
  for (int64_t i = from + 4 * vectors + lane; i < to; i += kWarp)
    sum += finish<kMemory, 1>(a, i, load_terms<kMemory, 1>(a, i));
  return sum;
}

// A warp handles a chunk of the flat vector. The sum over segment s in chunk c is partial[c + s], a unique index.
template <bool kMemory>
__global__ void __launch_bounds__(kBlock) distances_kernel(SignLayout l, Distances a, int64_t n, float* partial) {
  const int64_t chunk = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp, from = chunk * kChunk;
  if (from >= n) return;  // the whole warp
  const int64_t to = from + kChunk < n ? from + kChunk : n;
  for (int64_t s = first_ending_after<Order::flat>(l, from); s < l.count; ++s) {
    const int64_t begin = l.segments[s].begin, end = begin + l.segments[s].count;
    if (begin >= to) break;
    const float sum = warp_sum(distances<kMemory>(a, begin > from ? begin : from, end < to ? end : to));
    if (threadIdx.x % kWarp == 0) partial[chunk + s] = sum;
  }
}

__global__ void __launch_bounds__(kBlock) scales_kernel(SignLayout l, const float* partial, float* scales) {
  const int64_t s = blockIdx.x, begin = l.segments[s].begin, count = l.segments[s].count;
  const int64_t last = (begin + count - 1) / kChunk;
  float sum = 0.0f;
  for (int64_t chunk = begin / kChunk + threadIdx.x; chunk <= last; chunk += kBlock) sum += partial[chunk + s];
  sum = block_sum(sum);
  if (threadIdx.x == 0) scales[s] = sum / float(count);
}

// Bits of a word: numbers below zero, and zeros, whose bits are drawn afterwards.
struct Bits {
  uint32_t negative, zero;
};

// One word by the whole warp. The lane gives its number, or none; with error also error = d - decoded value, where a
// zero counts as +1.
__device__ Bits pack_word(bool present, float d, float scale, float* error) {
  if (present && error) *error = d - (d < 0.0f ? -scale : scale);
  return {__ballot_sync(0xffffffffu, present && d < 0.0f), __ballot_sync(0xffffffffu, present && d == 0.0f)};
}

// The bits that follow from `bit` on: segment and number of the lane's bit.
struct Cursor {
  int64_t segment;
  __device__ int64_t number(const SignLayout& l, int64_t at) {
    while (segment < l.count && l.segments[segment].bit + l.segments[segment].count <= at) ++segment;
    return segment < l.count ? l.segments[segment].begin + (at - l.segments[segment].bit) : -1;
  }
};

// A warp packs 32 words, each by ballots with one bit per lane. Positions in the flat vector have no common alignment,
// so a load is 4 bytes per lane, 128 consecutive bytes per warp, with eight loads in flight. Zeros are drawn at the
// end, by each lane for the word that it holds.
__global__ void __launch_bounds__(kBlock) pack_kernel(SignLayout l, const float* d, const float* scales,
                                                      uint32_t* words, int64_t count, float* error, SignTies ties) {
  constexpr int kUnroll = 8;
  const int lane = int(threadIdx.x) % kWarp;
  const int64_t first_word = (int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp) * kWarp;
  if (first_word >= count) return;  // the whole warp
  const int64_t bit = first_word * 32;
  const int64_t s = first_ending_after<Order::stream>(l, bit);
  Bits own{0, 0};
  if (s < l.count && l.segments[s].bit <= bit && bit + kChunk <= l.segments[s].bit + l.segments[s].count) {
    const int64_t begin = l.segments[s].begin + (bit - l.segments[s].bit) + lane;
    const float* from = d + begin;
    float* to = error ? error + begin : nullptr;
    const float scale = error ? scales[s] : 0.0f;
#pragma unroll 1
    for (int q = 0; q < kWarp; q += kUnroll) {
      float v[kUnroll];
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) v[u] = from[(q + u) * kWarp];
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) {
        const Bits word = pack_word(true, v[u], scale, to ? to + (q + u) * kWarp : nullptr);
        if (lane == q + u) own = word;
      }
    }
  } else {
    Cursor cursor{s};
#pragma unroll 1
    for (int q = 0; q < kWarp; ++q) {
      const int64_t i = cursor.number(l, bit + q * kWarp + lane);
      const bool present = i >= 0;
      const Bits word = pack_word(present, present ? d[i] : 0.0f, present && error ? scales[cursor.segment] : 0.0f,
                                  present && error ? error + i : nullptr);
      if (lane == q) own = word;
    }
  }
  const uint32_t drawn = own.zero != 0 ? own.zero & ties.word(first_word + lane) : 0;
  if (first_word + lane < count) words[first_word + lane] = own.negative | drawn;
  if (!error) return;
  Cursor cursor{s};
#pragma unroll 1
  for (int q = 0; q < kWarp; ++q) {
    const uint32_t minus = __shfl_sync(0xffffffffu, drawn, q);
    if (minus == 0) continue;  // the whole warp
    const int64_t i = cursor.number(l, bit + q * kWarp + lane);
    if (minus >> lane & 1) error[i] = scales[cursor.segment];
  }
}

}  // namespace

void sign_scales(Stream stream, SignLayout l, View consensus, View value, View memory, View d, View scales) {
  const int64_t n = d.numel(), chunks = ceil_div(n, kChunk);
  CHECK(consensus.numel() == n && value.numel() == n && (!memory || memory.numel() == n) && scales.numel() == l.count,
        "{} numbers, consensus of {}, value of {}; {} segments, {} scales", n, consensus.numel(), value.numel(),
        l.count, scales.numel());
  Distances a{consensus.as<float>(), value.as<float>(), memory.as<float>(), d.as<float>(), false};
  a.aligned = is_aligned(a.consensus, 16) && is_aligned(a.value, 16) && is_aligned(a.memory, 16) && is_aligned(a.d, 16);
  const auto held = hold_workspace(stream);
  float* partial = static_cast<float*>(workspace(stream, size_t(chunks + l.count) * sizeof(float)));
  launch(memory ? distances_kernel<true> : distances_kernel<false>, ceil_div(chunks, kWarps), kBlock, stream, l, a, n,
         partial);
  launch(scales_kernel, l.count, kBlock, stream, l, partial, scales.as<float>());
}

void sign_pack(Stream stream, SignLayout l, View d, View scales, View words, View error, SignTies ties) {
  launch(pack_kernel, ceil_div(words.numel(), kChunk / 32 * kWarps), kBlock, stream, l, d.as<float>(),
         scales.as<float>(), words.as<uint32_t>(), words.numel(), error.as<float>(), ties);
}

}  // namespace skein::cuda
