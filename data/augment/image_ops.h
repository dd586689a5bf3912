// Operations on an image of bytes, in place, with the pixels that Pillow makes (PIL.Image, ImageOps, ImageEnhance; also
// the back end of torchvision's transforms of PIL images). An image is a View u8 (1,H,W,C), C = 1 or 3, RGB order.
// `scratch` is memory that an operation may use; it grows to the size of an image.
//
//   affine        out[y, x] = in[floor(v), floor(u)], 0 outside; (u, v) = matrix * (x + 1/2, y + 1/2, 1), in fixed point
//                 of 16 bits after the point as Pillow computes it; without shear and rotation in double
//   rotate        by degrees, counterclockwise around the centre; right angles of square images are exact
//   blends        clip(other + f * (in - other)), rounded towards 0; f = 1 is the image. `other` is
//     brightness  black             colour  its grey (19595 R + 38470 G + 7471 B + 2^15) / 2^16
//     contrast    the mean of grey  sharpness  the mean of 3 x 3 pixels, the middle with weight 5; the border stays
//   posterize     keeps the highest bits of a byte
//   solarize      255 - in where in >= threshold
//   autocontrast  per channel: the least byte becomes 0, the greatest 255
//   equalize      per channel: the cumulative histogram becomes linear
#pragma once

#include <array>
#include <vector>

#include "kernels/view.h"

namespace skein {

using Bytes = std::vector<uint8_t>;
using AffineMatrix = std::array<double, 6>;  // u = m[0] x + m[1] y + m[2], v = m[3] x + m[4] y + m[5]

void affine(View image, const AffineMatrix& matrix, Bytes& scratch);
void rotate(View image, double degrees, Bytes& scratch);

void brightness(View image, float factor);
void colour(View image, float factor);
void contrast(View image, float factor);
void sharpness(View image, float factor, Bytes& scratch);

void posterize(View image, int bits);
void solarize(View image, double threshold);
void autocontrast(View image);
void equalize(View image);

}  // namespace skein
