// Chroma upsampling and colour conversion of JPEG samples, with the same bits as libjpeg-turbo 2.1.5 (default settings,
// on a processor with SSE2): triangle filter ("fancy upsampling") and YCbCr to RGB in 16-bit fixed point. Rows of
// bytes.
#pragma once

#include <cstdint>

namespace skein {

// Twice the columns: each new sample is 3/4 of the nearest and 1/4 of the next nearest. n samples become 2 n; beyond
// the edge, the edge sample is repeated.
void jpeg_widen(const uint8_t* from, int64_t n, uint8_t* to);
// Twice the columns and rows, one of the new rows: `near` has weight 3/4, `far` 1/4.
void jpeg_widen(const uint8_t* near, const uint8_t* far, int64_t n, uint8_t* to);
// Twice the rows only. upper: the new row is the upper one of the two that `near` becomes; it sets the rounding.
void jpeg_between(const uint8_t* near, const uint8_t* far, bool upper, int64_t n, uint8_t* to);
// Twice the columns without interpolation: n samples become n pairs.
void jpeg_repeat(const uint8_t* from, int64_t n, uint8_t* to);

// YCbCr or grey to RGBX, X = 255. Formula: JFIF 1.02, "Conversion to and from RGB".
void jpeg_rgbx(const uint8_t* y, const uint8_t* cb, const uint8_t* cr, int64_t n, uint8_t* to);
void jpeg_rgbx(const uint8_t* grey, int64_t n, uint8_t* to);

}  // namespace skein
