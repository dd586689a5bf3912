// Sign compression, sending side: distances and their mean magnitude per segment, then one bit per number by a ballot
// of the warp. Bytes per number: sign_scales 16, without memory 12; sign_pack 4 + 1/8, with error 8 + 1/8.
#include "kernels/cuda/dialect/elementwise.h"
#include "kernels/cuda/dialect/sign_segments.h"
#include "kernels/cuda/dialect/workspace_lock.h"
#include "kernels/runtime.h"
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

// Word `index` of the stream by the whole warp: the lane gives its number d, number i of the flat vector. Lanes without
// a number give i < 0. With error also error[i] = d - decoded value.
__device__ uint32_t pack_word(const SignTies& ties, int64_t index, float d, float scale, float* error, int64_t i) {
  uint32_t bits = __ballot_sync(0xffffffffu, i >= 0 && d < 0.0f);
  const uint32_t zeros = __ballot_sync(0xffffffffu, i >= 0 && d == 0.0f);
  if (zeros != 0) bits |= zeros & ties.word(index);
  if (error && i >= 0) error[i] = d - (bits >> (threadIdx.x % kWarp) & 1 ? -scale : scale);
  return bits;
}

// A warp packs 32 words, each by ballots with one bit per lane. Positions in the flat vector have no common
// alignment, so a load is 4 bytes per lane, 128 consecutive bytes per warp, with eight loads in flight.
__global__ void __launch_bounds__(kBlock) pack_kernel(SignLayout l, const float* d, const float* scales,
                                                      uint32_t* words, int64_t count, float* error, SignTies ties) {
  constexpr int kUnroll = 8;
  const int lane = int(threadIdx.x) % kWarp;
  const int64_t first_word = (int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp) * kWarp;
  if (first_word >= count) return;  // the whole warp
  const int64_t bit = first_word * 32;
  int64_t s = first_ending_after<Order::stream>(l, bit);
  uint32_t own = 0;
  if (s < l.count && l.segments[s].bit <= bit && bit + kChunk <= l.segments[s].bit + l.segments[s].count) {
    const int64_t begin = l.segments[s].begin + (bit - l.segments[s].bit) + lane;
    const float scale = error ? scales[s] : 0.0f;
#pragma unroll 1
    for (int q = 0; q < kWarp; q += kUnroll) {
      float v[kUnroll];
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) v[u] = d[begin + (q + u) * kWarp];
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) {
        const uint32_t word = pack_word(ties, first_word + q + u, v[u], scale, error, begin + (q + u) * kWarp);
        if (lane == q + u) own = word;
      }
    }
  } else {
    for (int q = 0; q < kWarp; ++q) {
      const int64_t at = bit + q * kWarp + lane;
      while (s < l.count && l.segments[s].bit + l.segments[s].count <= at) ++s;
      const int64_t i = s < l.count ? l.segments[s].begin + (at - l.segments[s].bit) : -1;
      const float scale = i >= 0 && error ? scales[s] : 0.0f;
      const uint32_t word = pack_word(ties, first_word + q, i >= 0 ? d[i] : 0.0f, scale, error, i);
      if (lane == q) own = word;
    }
  }
  if (first_word + lane < count) words[first_word + lane] = own;
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
