#include "data/picture.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "data/formats/encoded_images.h"
#include "data/image/image_reader.h"
#include "data/image/random_crop.h"

namespace skein {
namespace {

uint8_t to_byte(float x) { return uint8_t(std::clamp(std::nearbyint(x), 0.0f, 255.0f)); }

Picture stored(const Dataset& d, int64_t i) {
  const int64_t bytes = d.height() * d.width() * d.channels();
  const uint8_t* from = d.pixels().as<const uint8_t>() + i * bytes;
  return {d.height(), d.width(), d.channels(), {from, from + bytes}};
}

Picture decoded(const Dataset& d, int64_t i) {
  ImageDecoder decoder;
  std::vector<uint8_t> memory;
  const ImageSize size = decoder.open(d.encoded().read(i, memory));
  std::vector<float> pixels(size_t(d.height() * d.width() * 3));
  decoder.decode(centre_crop(size, d.height()), PixelScale{}, {d.width(), d.height()}, pixels.data());
  Picture p{d.height(), d.width(), 3, {}};
  for (const float x : pixels) p.pixels.push_back(to_byte(x));
  return p;
}

// The mean of every square of `factor` pixels.
Picture smaller(const Picture& p, int64_t factor) {
  Picture s{p.height / factor, p.width / factor, p.channels, {}};
  for (int64_t y = 0; y < s.height; ++y)
    for (int64_t x = 0; x < s.width; ++x)
      for (int64_t c = 0; c < p.channels; ++c) {
        float sum = 0;
        for (int64_t k = 0; k < factor * factor; ++k)
          sum +=
              float(p.pixels[size_t(((y * factor + k / factor) * p.width + x * factor + k % factor) * p.channels + c)]);
        s.pixels.push_back(to_byte(sum / float(factor * factor)));
      }
  return s;
}

}  // namespace

Picture picture_of(const Dataset& dataset, int64_t i, int64_t longest) {
  const Picture whole = dataset.is_encoded() ? decoded(dataset, i) : stored(dataset, i);
  const int64_t factor = (std::max(whole.height, whole.width) + longest - 1) / longest;
  return factor > 1 ? smaller(whole, factor) : whole;
}

std::vector<Picture> pictures_of(const Tensor& images, const Dataset& d, int64_t most) {
  const Shape shape = images.shape();
  const float* from = images.host();
  std::vector<Picture> all;
  for (int64_t i = 0; i < std::min(most, shape[0]); ++i) {
    Picture p{shape[1], shape[2], shape[3], {}};
    for (int64_t k = 0; k < shape[1] * shape[2] * shape[3]; ++k) {
      const int64_t c = k % shape[3];
      p.pixels.push_back(to_byte(255.0f * (*from++ * d.std[c] + d.mean[c])));
    }
    all.push_back(std::move(p));
  }
  return all;
}

Picture contact_sheet(const std::vector<Picture>& pictures, int64_t across) {
  CHECK(!pictures.empty(), "a sheet without pictures");
  const auto n = int64_t(pictures.size());
  const int64_t height = pictures[0].height, row_bytes = pictures[0].width * pictures[0].channels;
  across = std::min(across, n);
  Picture sheet{
      (n + across - 1) / across * (height + 1) - 1, across * (pictures[0].width + 1) - 1, pictures[0].channels, {}};
  sheet.pixels.resize(size_t(sheet.height * sheet.width * sheet.channels));
  for (int64_t i = 0; i < n; ++i) {
    const Picture& p = pictures[size_t(i)];
    const int64_t left = i % across * (p.width + 1) * p.channels;
    for (int64_t y = 0; y < height; ++y)
      std::copy_n(p.pixels.begin() + y * row_bytes, row_bytes,
                  sheet.pixels.begin() + (i / across * (height + 1) + y) * sheet.width * sheet.channels + left);
  }
  return sheet;
}

std::string to_png(const Picture& p) { return encode_png(p.pixels.data(), {p.width, p.height}, int(p.channels)); }

}  // namespace skein
