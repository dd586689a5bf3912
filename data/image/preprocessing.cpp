#include "data/image/preprocessing.h"

#include <stb/stb_image_resize.h>

#include <algorithm>

#include "data/image/random_crop.h"

namespace skein {

std::vector<uint8_t> decode_whole(ImageDecoder& decoder, ImageSize image) {
  std::vector<float> pixels(size_t(image.width * image.height * 3));
  decoder.decode(whole_image(image), PixelScale{}, image, pixels.data());
  return {pixels.begin(), pixels.end()};
}

bool is_grey(std::span<const uint8_t> rgb) {
  for (size_t i = 0; i + 2 < rgb.size(); i += 3)
    if (rgb[i] != rgb[i + 1] || rgb[i] != rgb[i + 2]) return false;
  return true;
}

void centre_square(std::span<const uint8_t> rgb, ImageSize image, ImageSize size, int channels, uint8_t* to) {
  std::vector<uint8_t> grey;
  if (channels == 1) {
    grey.resize(rgb.size() / 3);
    for (size_t i = 0; i < grey.size(); ++i) grey[i] = rgb[3 * i];
    rgb = grey;
  }
  if (image.width == size.width && image.height == size.height) {
    std::copy(rgb.begin(), rgb.end(), to);
    return;
  }
  const int64_t width = std::clamp<int64_t>(image.height * size.width / size.height, 1, image.width),
                height = std::clamp<int64_t>(image.width * size.height / size.width, 1, image.height),
                stride = image.width * channels;
  const uint8_t* part =
      rgb.data() + (image.height - height) / 2 * stride + (image.width - width) / 2 * int64_t(channels);
  if (!stbir_resize_uint8(part, int(width), int(height), int(stride), to, int(size.width), int(size.height), 0,
                          channels))
    throw BadImage("it cannot be scaled: out of memory");
}

}  // namespace skein
