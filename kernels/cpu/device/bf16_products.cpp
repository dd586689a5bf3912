// Compiled with the options of conv/avx512_bf16.cpp: call only on processors that have the instructions.
#include "kernels/cpu/device/bf16_products.h"

#include "kernels/cpu/dialect/amx_tiles.h"

namespace skein::cpu {

double multiply_tiles(int64_t n) {
  alignas(64) static const char zeros[1024] = {};
  AmxTiles::begin();
  AmxTiles::load<6>(zeros, 64);
  AmxTiles::load<7>(zeros, 64);
  for (int64_t i = 0; i < n; ++i) {
    AmxTiles::multiply<0>();
    AmxTiles::multiply<1>();
    AmxTiles::multiply<2>();
    AmxTiles::multiply<3>();
  }
  AmxTiles::end();
  return 4.0 * 2 * 16 * 16 * 32 * double(n);
}

double multiply_pairs(int64_t n) {
  constexpr int kSums = 12;
  __m512 sums[kSums] = {};
  const __m512i a = _mm512_setzero_si512();
  for (__m512& s : sums) asm volatile("" : "+v"(s));  // sums that are known to be equal would become one
  for (int64_t i = 0; i < n; ++i) {
#pragma GCC unroll 12
    for (__m512& s : sums) s = _mm512_dpbf16_ps(s, (__m512bh)a, (__m512bh)a);
  }
  for (__m512& s : sums) asm volatile("" : : "v"(s));
  return double(kSums) * 2 * 32 * double(n);
}

}  // namespace skein::cpu
