// Vectors of AVX-512 for direct.h and winograd.h.
#pragma once

#include <immintrin.h>

#include "kernels/cpu/conv/common.h"

namespace skein::cpu {
namespace {

struct Avx512 : WideningVector<16> {
  using Vector = __m512;
  static constexpr int kMaxRows = 12, kMaxRowsNarrow = 24;  // 32 registers
  using WideningVector::load, WideningVector::store;
  static Vector load(const float* p) { return _mm512_loadu_ps(p); }
  static Vector broadcast(const float* p) { return _mm512_set1_ps(*p); }
  static Vector fma(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
  static __mmask16 first(int n) { return __mmask16(0xffffu >> (16 - n)); }  // a mask of the first n lanes
  static Vector load(const float* p, int n) { return _mm512_maskz_loadu_ps(first(n), p); }  // n <= kLanes, then zeros
  static void store(float* p, Vector v, int n) { _mm512_mask_storeu_ps(p, first(n), v); }
  static Vector gather(const float* p, int stride, int n) {  // p[0], p[stride] ... p[(n-1)*stride], then zeros
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i offset = _mm512_mullo_epi32(lane, _mm512_set1_epi32(stride));
    return _mm512_mask_i32gather_ps(Vector{}, first(n), offset, p, 4);
  }
  static void store(float* p, Vector v) { _mm512_storeu_ps(p, v); }

  static Vector load(const Bf16* p, int n) {
    Bf16 some[kLanes];
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(some), _mm256_maskz_loadu_epi16(first(n), p));
    return load(some);
  }
  static void store(Bf16* p, Vector v, int n) {
    Bf16 all[kLanes];
    store(all, v);
    _mm256_mask_storeu_epi16(p, first(n), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(all)));
  }
};

}  // namespace
}  // namespace skein::cpu
