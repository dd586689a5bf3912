// Tile registers of AMX: eight tiles of 16 lines of 64 bytes. The instructions are
// written as bytes: the oldest compiler that builds skein knows none of them. Compiled with the options of avx512.cpp:
// call only on processors that have amx_bf16, after request_amx_tiles(). Sanitizers do not see what tiles read and
// write.
#pragma once

#include <immintrin.h>
#include <stdint.h>

#include "base/bf16.h"

namespace skein::cpu {
namespace {

struct AmxTiles {
  // Every tile is 16 x 64 bytes. The configuration is the calling thread's own; oneDNN leaves another one.
  static void begin() {
    struct [[gnu::packed]] {
      uint8_t palette = 1, start_row = 0, reserved[14] = {};
      uint16_t bytes[16] = {};
      uint8_t rows[16] = {};
    } all;
    for (int i = 0; i < 8; ++i) all.bytes[i] = 64, all.rows[i] = 16;
    asm volatile(".byte 0xc4, 0xe2, 0x78, 0x49, 0x00  # ldtilecfg (%0)" : : "a"(&all) : "memory");
  }
  static void end() { asm volatile(".byte 0xc4, 0xe2, 0x78, 0x49, 0xc0  # tilerelease" : : : "memory"); }

  template <int kTile>
  [[gnu::always_inline]] static void zero() {
    asm volatile(".byte 0xc4, 0xe2, 0x7b, 0x49, 0xc0 + 8 * %c0  # tilezero tmm%c0" : : "i"(kTile) : "memory");
  }
  // stride: bytes between lines
  template <int kTile>
  [[gnu::always_inline]] static void load(const void* lines, int64_t stride) {
    asm volatile(".byte 0xc4, 0xe2, 0x7b, 0x4b, 0x04 + 8 * %c0, 0x08  # tileloadd (%1,%2,1), tmm%c0"
                 :
                 : "i"(kTile), "a"(lines), "c"(stride)
                 : "memory");
  }
  template <int kTile>
  [[gnu::always_inline]] static void store(void* lines, int64_t stride) {
    asm volatile(".byte 0xc4, 0xe2, 0x7a, 0x4b, 0x04 + 8 * %c0, 0x08  # tilestored tmm%c0, (%1,%2,1)"
                 :
                 : "i"(kTile), "a"(lines), "c"(stride)
                 : "memory");
  }
  // Adds the product of tiles 6 (16 x 32 numbers) and 7 (16 pairs of lines x 16) to tile kSum (16 x 16, f32).
  template <int kSum>
  [[gnu::always_inline]] static void multiply() {
    asm volatile(".byte 0xc4, 0xe2, 0x42, 0x5c, 0xc6 + 8 * %c0  # tdpbf16ps tmm7, tmm6, tmm%c0"
                 :
                 : "i"(kSum)
                 : "memory");
  }

  // Copies n <= width numbers, then zeros up to width: 8, 16 or 32.
  [[gnu::always_inline]] static void copy(Bf16* to, const Bf16* from, int64_t n, int64_t width) {
    const auto mask = __mmask32((uint64_t{1} << n) - 1);
    if (width == 32)
      _mm512_storeu_si512(to, _mm512_maskz_loadu_epi16(mask, from));
    else if (width == 16)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_maskz_loadu_epi16(__mmask16(mask), from));
    else
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_maskz_loadu_epi16(__mmask8(mask), from));
  }

  // 16 pairs of a number of each, zeros after the first na and nb.
  [[gnu::always_inline]] static void pair(char* to, const Bf16* a, int64_t na, const Bf16* b, int64_t nb) {
    const auto of_a = __mmask16((uint32_t{1} << na) - 1), of_b = __mmask16((uint32_t{1} << nb) - 1);
    const __m512i low = _mm512_maskz_cvtepu16_epi32(of_a, _mm256_maskz_loadu_epi16(of_a, a));
    const __m512i high = _mm512_maskz_cvtepu16_epi32(of_b, _mm256_maskz_loadu_epi16(of_b, b));
    _mm512_storeu_si512(to, _mm512_or_si512(low, _mm512_maskz_slli_epi32(of_b, high, 16)));
  }

  // 16 x 16 words of 32 bits: quarters of squares of 2, 4, 8 and 16 lines change places.
  static void transpose(const char* from, char* to) {
    __m512i r[16];
    for (int i = 0; i < 16; ++i) r[i] = _mm512_loadu_si512(from + kTileLine * i);
    exchange<1>(r);
    exchange<2>(r);
    exchange<4>(r);
    exchange<8>(r);
    for (int i = 0; i < 16; ++i) _mm512_storeu_si512(to + kTileLine * i, r[i]);
  }

 private:
  static constexpr int kTileLine = 64;  // bytes

  // Words j of line i and j' of line i' change places, where i' = i + kStep and j' = j - kStep.
  template <int kStep>
  [[gnu::always_inline]] static void exchange(__m512i (&r)[16]) {
    alignas(64) int upper[16], lower[16];
    for (int j = 0; j < 16; ++j) {
      upper[j] = j & kStep ? 16 + j - kStep : j;
      lower[j] = j & kStep ? 16 + j : j + kStep;
    }
    const __m512i of_upper = _mm512_load_si512(upper), of_lower = _mm512_load_si512(lower);
    for (int i = 0; i < 16; ++i) {
      if (i & kStep) continue;
      const __m512i a = r[i], b = r[i + kStep];
      r[i] = _mm512_permutex2var_epi32(a, of_upper, b);
      r[i + kStep] = _mm512_permutex2var_epi32(a, of_lower, b);
    }
  }
};

}  // namespace
}  // namespace skein::cpu
