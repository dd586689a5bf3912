// AVX2 version of idct.cpp, compiled with -mavx2 and called only if the processor has it. Two blocks at a time,
// one in each half of a register.
#include <immintrin.h>

#include <cstring>

#include "data/image/jpeg/idct.h"

namespace skein {
namespace {

using V = __m256i;

struct Wide {  // 16 numbers of 32 bits: low: columns 0-3 of both blocks; high: columns 4-7
  V low, high;
};

inline Wide operator+(Wide a, Wide b) { return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)}; }
inline Wide operator-(Wide a, Wide b) { return {_mm256_sub_epi32(a.low, b.low), _mm256_sub_epi32(a.high, b.high)}; }

inline V pair(int a, int b) { return _mm256_set1_epi32(int((a & 0xffff) | unsigned(b) << 16)); }

// Two rows of 16-bit numbers, interleaved. times(a, b) is x * a + y * b.
struct Rows {
  V low, high;
  Rows(V x, V y) : low(_mm256_unpacklo_epi16(x, y)), high(_mm256_unpackhi_epi16(x, y)) {}
  Wide times(int a, int b) const {
    const V factors = pair(a, b);
    return {_mm256_madd_epi16(low, factors), _mm256_madd_epi16(high, factors)};
  }
};

inline Wide scaled(V x) {  // x * 2^kJpegConstantBits
  const V zero = _mm256_setzero_si256();
  constexpr int kDown = 16 - kJpegConstantBits;
  return {_mm256_srai_epi32(_mm256_unpacklo_epi16(zero, x), kDown),
          _mm256_srai_epi32(_mm256_unpackhi_epi16(zero, x), kDown)};
}

template <int kShift>
inline V descaled(Wide x) {
  return _mm256_packs_epi32(_mm256_srai_epi32(x.low, kShift), _mm256_srai_epi32(x.high, kShift));
}

// One-dimensional transform of every column: transform_line() of idct.cpp.
template <int kShift>
inline __attribute__((always_inline)) void transform_rows(V (&r)[8]) {
  const V half = _mm256_set1_epi32(1 << (kShift - 1));
  const Wide low = scaled(_mm256_add_epi16(r[0], r[4])) + Wide{half, half};
  const Wide high = scaled(_mm256_sub_epi16(r[0], r[4])) + Wide{half, half};
  const Rows r26(r[2], r[6]);
  const Wide turned2 = r26.times(k0_541, k0_541 - k1_847), turned3 = r26.times(k0_541 + k0_765, k0_541);
  const Rows z(_mm256_add_epi16(r[3], r[7]), _mm256_add_epi16(r[1], r[5])), r17(r[1], r[7]), r35(r[3], r[5]);
  const Wide t3 = z.times(k1_175 - k1_961, k1_175), t4 = z.times(k1_175, k1_175 - k0_390);
  const auto both = [&](Wide even, Wide odd, int i) {
    r[i] = descaled<kShift>(even + odd);
    r[7 - i] = descaled<kShift>(even - odd);
  };
  both(low + turned3, r17.times(k1_501 - k0_899, -k0_899) + t4, 0);
  both(high + turned2, r35.times(k3_072 - k2_562, -k2_562) + t3, 1);
  both(high - turned2, r35.times(-k2_562, k2_053 - k2_562) + t4, 2);
  both(low - turned3, r17.times(-k0_899, k0_298 - k0_899) + t3, 3);
}

inline __attribute__((always_inline)) void transpose(V (&r)[8]) {
  V a[8], b[8];
  for (int i = 0; i < 4; ++i) {
    a[2 * i] = _mm256_unpacklo_epi16(r[2 * i], r[2 * i + 1]);
    a[2 * i + 1] = _mm256_unpackhi_epi16(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; ++j) {
      b[i + 2 * j] = _mm256_unpacklo_epi32(a[i + j], a[i + j + 2]);
      b[i + 2 * j + 1] = _mm256_unpackhi_epi32(a[i + j], a[i + j + 2]);
    }
  for (int i = 0; i < 4; ++i) {
    r[2 * i] = _mm256_unpacklo_epi64(b[i], b[i + 4]);
    r[2 * i + 1] = _mm256_unpackhi_epi64(b[i], b[i + 4]);
  }
}

// Transposes to rows of bytes and stores them: each of four registers has rows 2 i and 2 i + 1 of both blocks.
inline __attribute__((always_inline)) void store(const V (&c)[8], uint8_t* samples, uint8_t* other, int64_t stride) {
  const V middle = _mm256_set1_epi8(char(-128));
  V p[4], q[4];
  for (int i = 0; i < 4; ++i) p[i] = _mm256_xor_si256(_mm256_packs_epi16(c[i], c[i + 4]), middle);
  // p[i]: eight bytes of column i, then of column i + 4.
  q[0] = _mm256_unpacklo_epi8(p[0], p[1]);
  q[1] = _mm256_unpackhi_epi8(p[0], p[1]);
  q[2] = _mm256_unpacklo_epi8(p[2], p[3]);
  q[3] = _mm256_unpackhi_epi8(p[2], p[3]);
  const V left_top = _mm256_unpacklo_epi16(q[0], q[2]), left_bottom = _mm256_unpackhi_epi16(q[0], q[2]);
  const V right_top = _mm256_unpacklo_epi16(q[1], q[3]), right_bottom = _mm256_unpackhi_epi16(q[1], q[3]);
  const V rows[4] = {_mm256_unpacklo_epi32(left_top, right_top), _mm256_unpackhi_epi32(left_top, right_top),
                     _mm256_unpacklo_epi32(left_bottom, right_bottom),
                     _mm256_unpackhi_epi32(left_bottom, right_bottom)};
  for (int i = 0; i < 4; ++i) {
    const __m128i first = _mm256_castsi256_si128(rows[i]), second = _mm256_extracti128_si256(rows[i], 1);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(samples + 2 * i * stride), first);
    _mm_storeh_pd(reinterpret_cast<double*>(samples + (2 * i + 1) * stride), _mm_castsi128_pd(first));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(other + 2 * i * stride), second);
    _mm_storeh_pd(reinterpret_cast<double*>(other + (2 * i + 1) * stride), _mm_castsi128_pd(second));
  }
}

}  // namespace

bool jpeg_transform_avx2(int16_t* coefficients, int64_t n, const uint16_t* quant, uint8_t* samples, int64_t stride) {
  const V most = _mm256_set1_epi16(kMaxJpegCoefficient);
  V absurd = _mm256_setzero_si256();
  for (int64_t block = 0; block < n; block += 2, samples += 16) {
    int16_t* a = coefficients + 64 * block;
    int16_t* b = block + 1 < n ? a + 64 : a;  // odd n: the last block fills both halves
    V r[8];
    for (int i = 0; i < 8; ++i) {
      const V row =
          _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a + 8 * i))),
                                  _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + 8 * i)), 1);
      const __m128i factors = _mm_loadu_si128(reinterpret_cast<const __m128i*>(quant + 8 * i));
      r[i] = _mm256_mullo_epi16(row, _mm256_broadcastsi128_si256(factors));
    }
    std::memset(a, 0, 64 * sizeof *a);
    std::memset(b, 0, 64 * sizeof *b);
    absurd = _mm256_or_si256(absurd, _mm256_cmpgt_epi16(_mm256_abs_epi16(r[0]), most));
    absurd = _mm256_or_si256(absurd, _mm256_srai_epi16(_mm256_abs_epi16(r[0]), 15));  // -32768 has no absolute value
    transform_rows<kJpegConstantBits - kJpegPassBits>(r);
    transpose(r);
    transform_rows<kJpegConstantBits + kJpegPassBits + 3>(r);
    store(r, samples, block + 1 < n ? samples + 8 : samples, stride);
  }
  return _mm256_testz_si256(absurd, absurd);
}

}  // namespace skein
