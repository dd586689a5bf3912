// Inverse DCT of JPEG blocks (ITU-T T.81, A.3.3), with the same bits as libjpeg-turbo 2.1.5 (jidctint, "islow", its
// default):
//   C. Loeffler, A. Ligtenberg, G. Moschytz, "Practical Fast 1-D DCT Algorithms with 11 Multiplications", ICASSP 1989;
//   columns first, constants with 13 fractional bits, 2 fractional bits between the passes.
#pragma once

#include <cstdint>

namespace skein {

// `n` blocks side by side: coefficients (n,8,8) times quant (8,8) to samples (8, 8 n), `stride` bytes from row to row.
// Coefficients are set to zero afterwards. False: a coefficient exceeds 8 times the range of an image, for which the
// result of libjpeg-turbo depends on its version.
bool jpeg_inverse_transform(int16_t* coefficients, int64_t n, const uint16_t* quant, uint8_t* samples, int64_t stride);

// The two implementations, of which jpeg_inverse_transform() chooses one when it is first called. Same bits.
using JpegTransform = bool (*)(int16_t* coefficients, int64_t n, const uint16_t* quant, uint8_t* samples,
                               int64_t stride);
bool jpeg_transform_plain(int16_t*, int64_t, const uint16_t*, uint8_t*, int64_t);
bool jpeg_transform_avx2(int16_t*, int64_t, const uint16_t*, uint8_t*, int64_t);

constexpr int kJpegConstantBits = 13, kJpegPassBits = 2;

// cos and sin of multiples of pi/16, times square roots of 2, in kJpegConstantBits (Loeffler et al., figure 1).
constexpr int16_t k0_298 = 2446, k0_390 = 3196, k0_541 = 4433, k0_765 = 6270, k0_899 = 7373, k1_175 = 9633,
                  k1_501 = 12299, k1_847 = 15137, k1_961 = 16069, k2_053 = 16819, k2_562 = 20995, k3_072 = 25172;

// Largest coefficient of the first row: 4 times it is still a 16-bit number.
constexpr int kMaxJpegCoefficient = 8191;

}  // namespace skein
