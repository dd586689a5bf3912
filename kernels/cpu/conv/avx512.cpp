// Direct and Winograd convolution for AVX-512. Compiled with -mavx512f -mavx512vl -mavx512dq -mavx512bw -mfma: call
// only on processors that have them all.
#include <immintrin.h>

#include "kernels/cpu/conv/direct.h"
#include "kernels/cpu/conv/winograd.h"

namespace skein::cpu {

namespace {

struct Avx512 {
  using Vector = __m512;
  static constexpr int kLanes = 16, kMaxRows = 12, kMaxRowsNarrow = 24;  // 32 registers
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
};

}  // namespace

const ConvImplementation kConvAvx512{"avx512", direct_suits, direct_run<Avx512>};
const ConvImplementation kConvAvx512Winograd{"avx512-winograd", winograd_suits, winograd_run<Avx512>};

}  // namespace skein::cpu
