#include "data/image/random_crop.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace skein {
namespace {

constexpr double kLeastArea = 0.08, kLeastRatio = 3.0 / 4, kMostRatio = 4.0 / 3;
constexpr uint32_t kTries = 10;

Extent pixels(int64_t begin, int64_t length) { return {double(begin), double(length), begin, begin + length}; }

// Python's round(): halves to even.
int64_t round_even(double x) { return int64_t(std::nearbyint(x)); }

Crop largest_permitted(ImageSize image) {
  const double ratio = double(image.width) / double(image.height);
  int64_t width = image.width, height = image.height;
  if (ratio < kLeastRatio) height = round_even(double(width) / kLeastRatio);
  if (ratio > kMostRatio) width = round_even(double(height) * kMostRatio);
  width = std::clamp<int64_t>(width, 1, image.width);
  height = std::clamp<int64_t>(height, 1, image.height);
  return {pixels((image.width - width) / 2, width), pixels((image.height - height) / 2, height)};
}

}  // namespace

Crop random_resized_crop(ImageSize image, uint64_t seed, int64_t epoch, int64_t sample) {
  const auto words = [&](uint32_t index) {
    return random_words(seed, Purpose::augment, uint32_t(epoch), uint32_t(sample), index);
  };
  const bool flip = (words(0)[0] >> 31) != 0;
  const double area = double(image.width) * double(image.height);
  for (uint32_t attempt = 1; attempt <= kTries; ++attempt) {
    const RandomWords r = words(attempt);
    const double target = area * (kLeastArea + (1 - kLeastArea) * double(uniform(r[0])));
    const double low = std::log(kLeastRatio), high = std::log(kMostRatio);
    const double ratio = std::exp(low + (high - low) * double(uniform(r[1])));
    const int64_t width = round_even(std::sqrt(target * ratio)), height = round_even(std::sqrt(target / ratio));
    if (width < 1 || height < 1 || width > image.width || height > image.height) continue;
    const int64_t top = bounded(r[2], uint32_t(image.height - height + 1));
    const int64_t left = bounded(r[3], uint32_t(image.width - width + 1));
    return {pixels(left, width), pixels(top, height), flip};
  }
  Crop crop = largest_permitted(image);
  crop.flip = flip;
  return crop;
}

Crop centre_crop(ImageSize image, int64_t size) {
  const int64_t side = round_even(double(size) * 256 / 224), shorter = std::min(image.width, image.height);
  const auto extent = [&](int64_t length) {
    const int64_t resized = length == shorter ? side : side * length / shorter;  // torchvision rounds down
    const double scale = double(length) / double(resized);
    const int64_t offset = round_even(double(resized - size) / 2);
    return Extent{double(offset) * scale, double(size) * scale, 0, length};
  };
  return {extent(image.width), extent(image.height)};
}

Crop whole_image(ImageSize image) { return {pixels(0, image.width), pixels(0, image.height)}; }

}  // namespace skein
