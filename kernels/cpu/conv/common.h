// Helpers of direct.h and winograd*.h: bf16 numbers, rounding up to cache lines, a thread's part of a loop,
// prefetching, image sizes. Everything is in an anonymous namespace and nothing from std is used, for the reason given
// in gemm.h.
#pragma once

#include <omp.h>
#include <stdint.h>

#include "base/bf16.h"
#include "kernels/cpu/dialect/bf16_vector.h"

namespace skein::cpu {
namespace {

// As in kernels/cpu/dialect/element.h, but functions of this file: the linker cannot merge them.
inline float widen(float v) { return v; }
inline float widen(Bf16 v) { return __builtin_bit_cast(float, uint32_t{v.bits} << 16); }

// The part of a vector type (Avx2 of avx2.cpp, Avx512 of avx512.h) that intrinsics are not needed for: numbers that lie
// in memory as bf16.
template <int kWidth>
struct WideningVector {
  static constexpr int kLanes = kWidth;
  static constexpr int kPerWord = 1;  // numbers of an operand in 32 bits
  using Numbers = typename Bf16Vector<kWidth>::V;
  static Numbers load(const Bf16* p) {
    Numbers v;
    Bf16Vector<kWidth>::load(v, p);
    return v;
  }
  static void store(Bf16* p, Numbers v) { Bf16Vector<kWidth>::store(p, v); }
};

int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// A number of floats, rounded up to whole cache lines of 16.
inline int64_t in_lines(int64_t floats) { return (floats + 15) / 16 * 16; }

struct Range {
  int64_t begin, end;
};

// The calling OpenMP thread's part of [0, n): contiguous, sizes differ by at most one.
Range range_of_thread(int64_t n) {
  const int64_t t = omp_get_thread_num(), team = omp_get_num_threads();
  return {n * t / team, n * (t + 1) / team};
}

// Prefetches part i of n of from[0..size) ahead of its use. The processor's own prefetches come too late: without this
// a convolution of operands from memory takes up to twice as long.
template <bool kToWrite, class T>
void prefetch(const T* from, int64_t size, int64_t i, int64_t n) {
  for (int64_t at = size * i / n; at < size * (i + 1) / n; at += 64 / int64_t(sizeof(T)))
    __builtin_prefetch(from + at, kToWrite, 2);
}

struct Border {
  int64_t low, high_h, high_w;  // pixels above and left, below, right
};

// One image (h,w,c); sizes in elements.
struct Image {
  int64_t h, w, c;
  int64_t row() const { return w * c; }
  int64_t size() const { return h * w * c; }
  Image padded(Border b) const { return {h + b.low + b.high_h, w + b.low + b.high_w, c}; }
};

}  // namespace
}  // namespace skein::cpu
