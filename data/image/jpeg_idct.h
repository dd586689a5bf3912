// What the implementations of jpeg_inverse_transform share.
#pragma once

#include <cstdint>

namespace skein {

using JpegTransform = bool (*)(int16_t* coefficients, int64_t n, const uint16_t* quant, uint8_t* samples,
                               int64_t stride);
bool jpeg_transform_plain(int16_t*, int64_t, const uint16_t*, uint8_t*, int64_t);
bool jpeg_transform_avx2(int16_t*, int64_t, const uint16_t*, uint8_t*, int64_t);

constexpr int kJpegConstantBits = 13, kJpegPassBits = 2;

// cos and sin of multiples of pi/16, times square roots of 2, in kJpegConstantBits (Loeffler et al., figure 1).
constexpr int16_t k0_298 = 2446, k0_390 = 3196, k0_541 = 4433, k0_765 = 6270, k0_899 = 7373, k1_175 = 9633,
                  k1_501 = 12299, k1_847 = 15137, k1_961 = 16069, k2_053 = 16819, k2_562 = 20995, k3_072 = 25172;

// The first row's largest coefficient whose 4-fold is still a 16-bit number.
constexpr int kMostJpegCoefficient = 8191;

}  // namespace skein
