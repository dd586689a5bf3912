// Direct and Winograd convolution for AVX2. Compiled with -mavx2 -mfma: call only on processors that have both.
#include <immintrin.h>

#include "kernels/cpu/conv/direct.h"
#include "kernels/cpu/conv/winograd.h"

namespace skein::cpu {

namespace {

struct Avx2 : WideningVector<8> {
  using Vector = __m256;
  static constexpr int kMaxRows = 6, kMaxRowsNarrow = 8;  // 16 registers
  using WideningVector::load, WideningVector::store;
  static Vector load(const float* p) { return _mm256_loadu_ps(p); }
  static Vector broadcast(const float* p) { return _mm256_broadcast_ss(p); }
  static Vector fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
  static __m256i first(int n) {  // a mask of the first n lanes
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static Vector load(const float* p, int n) { return _mm256_maskload_ps(p, first(n)); }  // n <= kLanes, then zeros
  static void store(float* p, Vector v, int n) { _mm256_maskstore_ps(p, first(n), v); }
  static Vector gather(const float* p, int stride, int n) {  // p[0], p[stride] ... p[(n-1)*stride], then zeros
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_mask_i32gather_ps(Vector{}, p, _mm256_mullo_epi32(lane, _mm256_set1_epi32(stride)),
                                    _mm256_castsi256_ps(first(n)), 4);
  }
  static void store(float* p, Vector v) { _mm256_storeu_ps(p, v); }

  static Vector load(const Bf16* p, int n) {
    Bf16 some[kLanes] = {};
    for (int i = 0; i < n; ++i) some[i] = p[i];
    return load(some);
  }
  static void store(Bf16* p, Vector v, int n) {
    Bf16 all[kLanes];
    store(all, v);
    for (int i = 0; i < n; ++i) p[i] = all[i];
  }
};

}  // namespace

const ConvImplementation kConvAvx2{"avx2", direct_suits, direct_run<Avx2>};
const ConvImplementation kConvAvx2Winograd{"avx2-winograd", winograd_suits, winograd_run<Avx2>};

}  // namespace skein::cpu
