// The way of an image file to the pixels that a network is evaluated on. A checkpoint keeps which of the two it was, so
// that `skein predict` and an exported model see what `skein eval` saw.
//   centre_square  data in memory: the largest centred part with the shape of the input (a square, as a rule), scaled
//                  to the input's size as bytes (stb_image_resize, its default filters); an image that has that size
//                  already is taken as it is
//   centre_crop    encoded data: data/image/random_crop.h, evaluation
// Then, in both, (pixel / 255 - mean) / std per channel.
#pragma once

#include "base/enum_names.h"
#include "data/image/image_decoder.h"

namespace skein {

enum class Preprocessing : uint8_t { centre_square, centre_crop };
constexpr auto names_of(Preprocessing) { return std::array{"centre-square", "centre-crop"}; }

// The whole image that is open, of this size, as RGB bytes (h,w,3).
std::vector<uint8_t> decode_whole(ImageDecoder& decoder, ImageSize image);

// True if R = G = B in every pixel of (..., 3).
bool is_grey(std::span<const uint8_t> rgb);

// Makes `size` pixels of 1 or 3 channels of RGB bytes by centre_square. One channel is the first of three equal ones.
// BadImage if there is no memory to scale it.
void centre_square(std::span<const uint8_t> rgb, ImageSize image, ImageSize size, int channels, uint8_t* to);

}  // namespace skein
