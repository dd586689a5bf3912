// widen() and put() of element.h for loops that are written in vectors. Everything is inlined: files that are compiled
// for one instruction set may include it.
#pragma once

#include "base/bf16.h"

namespace skein::cpu {
namespace {

template <class E, int kLanes>
struct VectorOf {
  typedef E Type [[gnu::vector_size(kLanes * sizeof(E))]];
};

template <int kLanes>
struct Bf16Vector {
  using V = typename VectorOf<float, kLanes>::Type;
  using Bits = typename VectorOf<uint32_t, kLanes>::Type;
  using Halves = typename VectorOf<uint16_t, kLanes>::Type;

  [[gnu::always_inline]] static void load(V& v, const Bf16* p) {
    Halves halves;
    __builtin_memcpy(&halves, p, sizeof halves);
    v = (V)(__builtin_convertvector(halves, Bits) << 16);
  }
  [[gnu::always_inline]] static void store(Bf16* p, const V& v) {
    const Bits u = (Bits)v, rounded = (u + 0x7fffu + (u >> 16 & 1u)) >> 16;
    const Bits bits = (u & 0x7fffffffu) > 0x7f800000u ? Bits{} + 0x7fffu : rounded;
    const Halves halves = __builtin_convertvector(bits, Halves);
    __builtin_memcpy(p, &halves, sizeof halves);
  }
};

}  // namespace
}  // namespace skein::cpu
