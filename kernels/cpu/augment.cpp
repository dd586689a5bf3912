#include "kernels/augment.h"

#include <cstring>

#include "base/check.h"
#include "base/random.h"
#include "base/simd.h"
#include "kernels/cpu/dialect/element.h"

namespace skein::cpu {
namespace {

constexpr int64_t kRowBytes = 8192;  // upper bound on W*C
constexpr int64_t kPeriod = 96;      // a multiple of 1, 2, 3 and 4 channels and of every vector length

// mean and std repeated along a row, so that a row is one loop over consecutive floats for every C.
struct RowConstants {
  alignas(64) float mean[kPeriod], std[kPeriod];
};

template <class T>
struct AugmentLoops {
  SKEIN_SIMD static void normalise_row(const uint8_t* in, const RowConstants& k, int64_t n, T* out) {
    for (int64_t begin = 0; begin < n; begin += kPeriod) {
      const int64_t length = std::min(kPeriod, n - begin);
      for (int64_t i = 0; i < length; ++i) put(out[begin + i], (float(in[begin + i]) / 255.0f - k.mean[i]) / k.std[i]);
    }
  }
};

void mirror_row(const uint8_t* in, int64_t width, int64_t channels, uint8_t* out) {
  for (int64_t x = 0; x < width; ++x)
    for (int64_t c = 0; c < channels; ++c) out[x * channels + c] = in[(width - 1 - x) * channels + c];
}

struct Draw {
  bool flip;
  int64_t shift_y, shift_x;  // source minus destination
};

Draw draw(const Augmentation& a, uint64_t seed, uint32_t epoch, int32_t sample) {
  const RandomWords words = random_words(seed, Purpose::augment, epoch, uint32_t(sample), 0);
  const uint32_t offsets = 2 * uint32_t(a.padding) + 1;
  return {is_flipped(a.flip, seed, epoch, uint32_t(sample)), int64_t(bounded(words[1], offsets)) - a.padding,
          int64_t(bounded(words[2], offsets)) - a.padding};
}

// Row y of the output, in bytes: row y + shift_y of the image, mirrored if `flip`, moved left by shift_x, zero
// elsewhere.
void crop_row(const uint8_t* image, const View& images, const Draw& d, int64_t y, uint8_t* out) {
  const int64_t height = images.dims[1], width = images.dims[2], channels = images.dims[3];
  std::memset(out, 0, size_t(width * channels));
  const int64_t from = y + d.shift_y;
  const int64_t left = std::max<int64_t>(0, -d.shift_x), right = std::min(width, width - d.shift_x);
  if (from < 0 || from >= height || left >= right) return;
  const uint8_t* row = image + from * width * channels;
  uint8_t mirrored[kRowBytes];
  if (d.flip) {
    mirror_row(row, width, channels, mirrored);
    row = mirrored;
  }
  std::memcpy(out + left * channels, row + (left + d.shift_x) * channels, size_t((right - left) * channels));
}

}  // namespace

void augment(Stream, View images, View samples, const Augmentation& a, uint64_t seed, uint32_t epoch, View out) {
  const int64_t height = images.dims[1], width = images.dims[2], channels = images.dims[3], row = width * channels;
  CHECK(images.dtype == DType::u8 && samples.dtype == DType::i32, "types are u8 and i32");
  CHECK(channels >= 1 && channels <= 4, "images have {} channels, 1 to 4 are possible", channels);
  CHECK(row <= kRowBytes, "a row of {} bytes is wider than {}", row, kRowBytes);
  CHECK(out.dims[0] == samples.numel() && out.dims[1] == height && out.dims[2] == width && out.dims[3] == channels,
        "the output does not have the shape of {} images", samples.numel());
  CHECK(a.padding >= 0, "padding is {}", a.padding);

  RowConstants constants;
  for (int64_t i = 0; i < kPeriod; ++i) {
    constants.mean[i] = a.mean[i % channels];
    constants.std[i] = a.std[i % channels];
  }
  uint8_t cropped[kRowBytes];
  int64_t to = 0;
  for (int64_t b = 0; b < samples.numel(); ++b) {
    const int32_t sample = samples.as<const int32_t>()[b];
    CHECK(sample >= 0 && sample < images.dims[0], "sample {} of {} images", sample, images.dims[0]);
    const uint8_t* image = images.as<const uint8_t>() + sample * height * row;
    const Draw d = a.training ? draw(a, seed, epoch, sample) : Draw{};
    for (int64_t y = 0; y < height; ++y, to += row) {
      if (a.training) crop_row(image, images, d, y, cropped);
      const uint8_t* from = a.training ? cropped : image + y * row;
      if (out.dtype == DType::u8)
        std::memcpy(out.as<uint8_t>() + to, from, size_t(row));
      else
        dispatch(out.dtype, [&]<class T>() { AugmentLoops<T>::normalise_row(from, constants, row, out.as<T>() + to); });
    }
  }
}

}  // namespace skein::cpu
