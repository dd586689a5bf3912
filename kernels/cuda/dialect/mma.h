// Tensor-core operations, part of the dialect of kernels/cuda/dialect/gpu.h. Each is one operation of a whole warp on
// small matrices whose elements are distributed over its lanes (PTX ISA, "Matrix fragments for mma.m16n8k16" and
// "ldmatrix"). With g = lane / 4 and t = lane % 4, a lane holds these elements (row, column); a and b hold two bf16 per
// register, the first in the low half:
//
//   operand      register   elements
//   a  16x16     a[0]       (g,   2t)   (g,   2t+1)
//                a[1]       (g+8, 2t)   (g+8, 2t+1)
//                a[2]       (g,   2t+8) (g,   2t+9)
//                a[3]       (g+8, 2t+8) (g+8, 2t+9)
//   b  16x8      b0         (2t,   g)   (2t+1, g)
//                b1         (2t+8, g)   (2t+9, g)
//   d  16x8 f32  d[0] d[1]  (g,   2t)   (g,   2t+1)
//                d[2] d[3]  (g+8, 2t)   (g+8, 2t+1)
//
// Requires compute capability 8.0.
#pragma once

#include "kernels/cuda/dialect/gpu.h"

#ifdef SKEIN_EMULATED
// Exchanged values lie in the emulator's own memory; reading them is not a race of the kernel.
#define SKEIN_EXCHANGED __attribute__((no_sanitize("thread")))
#endif

namespace skein::cuda {

// d += a * b, accumulated in f32. All lanes of the warp must call it.
__device__ inline void multiply_add(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
#ifdef SKEIN_EMULATED
  const auto& all = emulator::warp_exchange({a[0], a[1], a[2], a[3], b0, b1}, {__FILE__, __LINE__});
  const auto number = [&](int lane, int word, int k) SKEIN_EXCHANGED {
    return float_of(k % 2 ? all[lane][word] & 0xffff0000u : all[lane][word] << 16);
  };
  const int g = emulator::lane() / 4, t = emulator::lane() % 4;
  for (int i = 0; i < 4; ++i)
    for (int k = 0; k < 16; ++k)
      d[i] += number(4 * g + k % 8 / 2, i / 2 + k / 8 * 2, k) * number(4 * (2 * t + i % 2) + k % 8 / 2, 4 + k / 8, k);
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  __trap();
#endif
}

// Loads four 8x8 matrices from shared memory. Lane 8i + r passes the address of row r of matrix i: 16 bytes, 16-byte
// aligned. m[i] receives elements (g, 2t) and (g, 2t+1) of matrix i, or of its transpose. All lanes must call it.
template <bool kTransposed>
__device__ void load_matrices(uint32_t (&m)[4], const Bf16* row) {
#ifdef SKEIN_EMULATED
  const uint4 own = *reinterpret_cast<const uint4*>(row);
  const auto& all = emulator::warp_exchange({own.x, own.y, own.z, own.w}, {__FILE__, __LINE__});
  const auto number = [&](int matrix, int r, int c) SKEIN_EXCHANGED {
    const uint32_t two = all[8 * matrix + r][c / 2];
    return c % 2 ? two >> 16 : two & 0xffffu;
  };
  const int g = emulator::lane() / 4, t = emulator::lane() % 4;
  for (int i = 0; i < 4; ++i)
    m[i] = kTransposed ? number(i, 2 * t, g) | number(i, 2 * t + 1, g) << 16
                       : number(i, g, 2 * t) | number(i, g, 2 * t + 1) << 16;
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 750
  const uint32_t address = uint32_t(__cvta_generic_to_shared(row));
  if constexpr (kTransposed)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
                 : "r"(address)
                 : "memory");
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
                 : "r"(address)
                 : "memory");
#else
  __trap();
#endif
}

}  // namespace skein::cuda
