// Dialect of the .cu files. nvcc compiles them for GPUs; g++ and clang++ compile the same files for the emulator
// (kernels/emulator), which runs every thread of a grid on the host. A kernel may use only:
//   grids        1-D grids and blocks: threadIdx.x, blockIdx.x, blockDim.x, gridDim.x; launch() instead of <<<>>>
//   memory       SHARED(float, tile, [8][33]) for shared arrays; load() and store() of this header
//   warp, block  __syncthreads, __syncwarp, __shfl_xor_sync, __shfl_sync, __ballot_sync, __popc; mma.h for tensor cores
//   arithmetic   expf, logf, log1pf, sqrtf, fmaxf, fabsf; fmaf where contraction is wanted (it is off otherwise)
//   never        double, local arrays indexed at run time, atomics in sums
#pragma once

#include <cuda_runtime.h>

#include "base/bf16.h"
#include "kernels/cuda/dialect/cuda_check.h"
#include "kernels/dispatch.h"

#ifdef SKEIN_EMULATED
#include "kernels/emulator/device.h"
#else
// A macro, because the emulator poisons and guards shared arrays and must know their size.
#define SHARED(type, name, extent) __shared__ type name extent
#endif

namespace skein::cuda {

constexpr int kWarp = 32;
#ifndef SKEIN_BLOCK
#define SKEIN_BLOCK 256
#endif
constexpr int kBlock = SKEIN_BLOCK;  // default threads per block
constexpr float kInfinity = __builtin_huge_valf(), kNaN = __builtin_nanf("");

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Launches kernel(args...) on the stream with `grid` blocks of `block` threads. An empty grid launches nothing.
template <class... P, class... A>
void launch(void (*kernel)(P...), int64_t grid, int block, Stream stream, A... args) {
  if (grid == 0) return;
  CHECK(grid > 0 && grid < (int64_t{1} << 31), "a grid of {} blocks", grid);
#ifdef SKEIN_EMULATED
  CUDA_CHECK(emulator::launch(kernel, unsigned(grid), block, stream, static_cast<P>(args)...));
#else
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(unsigned(grid));
  config.blockDim = dim3(unsigned(block));
  config.stream = stream;
  CUDA_CHECK(cudaLaunchKernelEx(&config, kernel, static_cast<P>(args)...));
#endif
}

// Number of streaming multiprocessors (SMs) of the current device.
int64_t multiprocessors();

// Elements of T in one 16-byte access, the widest.
template <class T>
constexpr int kWide = 16 / int(sizeof(T));

inline bool is_aligned(const void* p, size_t bytes) { return reinterpret_cast<uintptr_t>(p) % bytes == 0; }

// N consecutive elements in registers, in their memory format: bf16 takes half a register each and is widened on use.
template <class T, int N>
struct Pack {
  static constexpr int kBytes = N * int(sizeof(T));
  uint32_t words[kBytes < 4 ? 1 : kBytes / 4];

  __device__ float operator[](int k) const {
    if constexpr (sizeof(T) == 4) return float_of(words[k]);
    return float_of(k % 2 == 0 ? words[k / 2] << 16 : words[k / 2] & 0xffff0000u);
  }
};

// Loads N elements in 16-byte accesses, or in one access if they are smaller. p must be aligned to the access.
template <int N, class T>
__device__ Pack<T, N> load(const T* p) {
  Pack<T, N> pack;
  constexpr int kBytes = Pack<T, N>::kBytes;
  static_assert(kBytes % 16 == 0 || kBytes == 8 || kBytes == 4 || kBytes == 2);
  if constexpr (kBytes % 16 == 0) {
#pragma unroll
    for (int i = 0; i < kBytes / 16; ++i) {
      const uint4 w = reinterpret_cast<const uint4*>(p)[i];
      pack.words[4 * i] = w.x, pack.words[4 * i + 1] = w.y, pack.words[4 * i + 2] = w.z, pack.words[4 * i + 3] = w.w;
    }
  } else if constexpr (kBytes == 8) {
    const uint2 w = *reinterpret_cast<const uint2*>(p);
    pack.words[0] = w.x, pack.words[1] = w.y;
  } else if constexpr (kBytes == 4) {
    pack.words[0] = *reinterpret_cast<const uint32_t*>(p);
  } else {
    pack.words[0] = *reinterpret_cast<const uint16_t*>(p);
  }
  return pack;
}

// Stores 16 bytes by one instruction. Without the asm, nvcc splits some of these stores into four.
__device__ inline void store_16_bytes(void* p, uint4 w) {
#ifdef __CUDA_ARCH__
  asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};"
               :
               : "l"(__cvta_generic_to_global(p)), "r"(w.x), "r"(w.y), "r"(w.z), "r"(w.w)
               : "memory");
#else
  *static_cast<uint4*>(p) = w;
#endif
}

template <int N, class T>
__device__ void store(T* p, const Pack<T, N>& pack) {
  constexpr int kBytes = Pack<T, N>::kBytes;
  const uint32_t* w = pack.words;
  if constexpr (kBytes % 16 == 0) {
#pragma unroll
    for (int i = 0; i < kBytes / 16; ++i)
      store_16_bytes(reinterpret_cast<uint4*>(p) + i, {w[4 * i], w[4 * i + 1], w[4 * i + 2], w[4 * i + 3]});
  } else if constexpr (kBytes == 8) {
    *reinterpret_cast<uint2*>(p) = {w[0], w[1]};
  } else if constexpr (kBytes == 4) {
    *reinterpret_cast<uint32_t*>(p) = w[0];
  } else {
    *reinterpret_cast<uint16_t*>(p) = uint16_t(w[0]);
  }
}

// Rounds two numbers as to_bf16() does and packs them, the first in the low half. One instruction from compute
// capability 8.0 on.
__device__ inline uint32_t two_bf16(float low, float high) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  uint32_t both;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  return both;
#else
  return uint32_t{to_bf16(low).bits} | uint32_t{to_bf16(high).bits} << 16;
#endif
}

template <int N, class T>
__device__ void store(T* p, const float (&v)[N]) {
  Pack<T, N> pack;
  if constexpr (sizeof(T) == 4) {
#pragma unroll
    for (int k = 0; k < N; ++k) pack.words[k] = bits_of(v[k]);
  } else if constexpr (N == 1) {
    pack.words[0] = two_bf16(v[0], 0.0f);
  } else {
#pragma unroll
    for (int k = 0; k < N; k += 2) pack.words[k / 2] = two_bf16(v[k], v[k + 1]);
  }
  store(p, pack);
}

// Sum over the warp, returned in every lane. All lanes must call it.
__device__ inline float warp_sum(float v) {
#pragma unroll
  for (int lanes = kWarp / 2; lanes > 0; lanes /= 2) v += __shfl_xor_sync(0xffffffffu, v, lanes);
  return v;
}

// Sum over the block, returned in every thread. All threads must call it; the block must consist of whole warps.
__device__ inline float block_sum(float v) {
  SHARED(float, sums, [kWarp]);
  const unsigned warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  v = warp_sum(v);
  __syncthreads();  // threads may still be reading the result of an earlier call
  if (lane == 0) sums[warp] = v;
  __syncthreads();
  return warp_sum(lane < blockDim.x / kWarp ? sums[lane] : 0.0f);
}

// Division by a number known before the launch, as a multiplication and a shift (Granlund and Montgomery, "Division by
// invariant integers using multiplication", PLDI 1994).
class Divider {
 public:
  explicit Divider(int64_t divisor) : divisor_(uint32_t(divisor)) {
    CHECK(divisor >= 1 && divisor < (int64_t{1} << 31), "division by {}", divisor);
    while ((uint64_t{1} << shift_) < divisor_) ++shift_;
    factor_ = uint32_t(((uint64_t{1} << 32) * ((uint64_t{1} << shift_) - divisor_)) / divisor_ + 1);
  }
  struct Result {
    uint32_t quotient, remainder;
  };
  __device__ Result divide(uint32_t n) const {  // n < 2^31
    const uint32_t quotient = (uint32_t((uint64_t{n} * factor_) >> 32) + n) >> shift_;
    return {quotient, n - quotient * divisor_};
  }

 private:
  uint32_t divisor_, factor_ = 0, shift_ = 0;
};

}  // namespace skein::cuda
