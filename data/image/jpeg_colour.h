// From the coefficients of a JPEG image to its pixels, with the bits that libjpeg-turbo gives (2.1.5, its default
// settings, on a processor with SSE2): the accurate integer transform, triangle interpolation of chroma, and conversion
// in 16-bit fixed point.
#pragma once

#include <cstdint>

namespace skein {

// The inverse transform of `n` blocks that lie beside each other: `coefficients` (n,8,8), set to zero behind it, times
// `quant` (8,8), to samples (8, 8 n) with `stride` from row to row.
//   C. Loeffler, A. Ligtenberg, G. Moschytz, "Practical Fast 1-D DCT Algorithms with 11 Multiplications", ICASSP 1989;
//   columns first, constants in 13 bits, 2 fractional bits between the passes.
// False: a coefficient is so large, 8 times what an image has, that libjpeg-turbo's result depends on its version.
bool jpeg_inverse_transform(int16_t* coefficients, int64_t n, const uint16_t* quant, uint8_t* samples, int64_t stride);

// Chroma at twice the columns: each new sample is 3/4 of the nearest and 1/4 of the next. n samples become 2 n;
// outside, the edge is repeated.
void jpeg_widen(const uint8_t* from, int64_t n, uint8_t* to);
// The same in both directions: `near` is the row that is 3/4 of the result, `far` the other.
void jpeg_widen(const uint8_t* near, const uint8_t* far, int64_t n, uint8_t* to);
// At twice the rows alone. upper: this is the upper of the two rows that `near` becomes.
void jpeg_between(const uint8_t* near, const uint8_t* far, bool upper, int64_t n, uint8_t* to);
void jpeg_repeat(const uint8_t* from, int64_t n, uint8_t* to);  // n samples become 2 n equal pairs

// To RGBX, X = 255: JFIF 1.02's conversion.
void jpeg_rgbx(const uint8_t* y, const uint8_t* cb, const uint8_t* cr, int64_t n, uint8_t* to);
void jpeg_rgbx(const uint8_t* grey, int64_t n, uint8_t* to);

}  // namespace skein
