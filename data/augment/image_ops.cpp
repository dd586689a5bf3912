#include "data/augment/image_ops.h"

#include <algorithm>
#include <cstring>

namespace skein {
namespace {

using Histogram = std::array<int64_t, 256>;
using Table = std::array<uint8_t, 256>;

// other + f * (in - other): between the two for f in [0, 1], clipped beyond.
uint8_t blend(int other, int in, float f) {
  const float v = float(other) + f * float(in - other);
  return v <= 0 ? uint8_t{0} : v >= 255 ? uint8_t{255} : uint8_t(v);
}

int grey(const uint8_t* p, int64_t channels) {
  return channels == 1 ? p[0] : (p[0] * 19595 + p[1] * 38470 + p[2] * 7471 + 0x8000) >> 16;
}

Histogram histogram(const View& image, int64_t channel) {
  Histogram h{};
  const uint8_t* p = image.as<uint8_t>() + channel;
  for (int64_t i = 0; i < image.rows(); ++i) ++h[p[i * image.channels()]];
  return h;
}

void map(View image, int64_t channel, const Table& table) {
  uint8_t* p = image.as<uint8_t>() + channel;
  for (int64_t i = 0; i < image.rows(); ++i) p[i * image.channels()] = table[p[i * image.channels()]];
}

void map_all(View image, const Table& table) {
  uint8_t* p = image.as<uint8_t>();
  for (int64_t i = 0; i < image.numel(); ++i) p[i] = table[p[i]];
}

// The mean of 3 x 3 pixels, of which the middle counts five times, rounded. Bytes of a channel are `step` apart.
int smooth(const uint8_t* above, const uint8_t* here, const uint8_t* below, int64_t step) {
  const auto three = [step](const uint8_t* p) { return p[-step] + p[0] + p[step]; };
  return (2 * (three(above) + three(here) + three(below) + 4 * here[0]) + 13) / 26;
}

}  // namespace

void brightness(View image, float factor) {
  Table table;
  for (int i = 0; i < 256; ++i) table[size_t(i)] = blend(0, i, factor);
  map_all(image, table);
}

void colour(View image, float factor) {
  const int64_t channels = image.channels();
  if (channels == 1) return;
  uint8_t* p = image.as<uint8_t>();
  for (int64_t i = 0; i < image.rows(); ++i, p += channels) {
    const int other = grey(p, channels);
    for (int64_t c = 0; c < channels; ++c) p[c] = blend(other, p[c], factor);
  }
}

void contrast(View image, float factor) {
  const int64_t channels = image.channels();
  const uint8_t* p = image.as<uint8_t>();
  int64_t sum = 0;
  for (int64_t i = 0; i < image.rows(); ++i) sum += grey(p + i * channels, channels);
  const int mean = int(double(sum) / double(image.rows()) + 0.5);
  Table table;
  for (int i = 0; i < 256; ++i) table[size_t(i)] = blend(mean, i, factor);
  map_all(image, table);
}

void sharpness(View image, float factor, Bytes& scratch) {
  const int64_t height = image.dims[1], channels = image.channels(), row = image.dims[2] * channels;
  scratch.resize(std::max(scratch.size(), image.bytes()));
  std::memcpy(scratch.data(), image.data, image.bytes());
  for (int64_t y = 1; y + 1 < height; ++y) {
    const uint8_t* here = scratch.data() + y * row;
    uint8_t* to = image.as<uint8_t>() + y * row;
    for (int64_t i = channels; i + channels < row; ++i)
      to[i] = blend(smooth(here - row + i, here + i, here + row + i, channels), here[i], factor);
  }
}

void posterize(View image, int bits) {
  Table table;
  for (size_t i = 0; i < 256; ++i) table[i] = uint8_t(i & ~((size_t{1} << (8 - bits)) - 1));
  map_all(image, table);
}

void solarize(View image, double threshold) {
  Table table;
  for (int i = 0; i < 256; ++i) table[size_t(i)] = uint8_t(double(i) < threshold ? i : 255 - i);
  map_all(image, table);
}

void autocontrast(View image) {
  for (int64_t c = 0; c < image.channels(); ++c) {
    const Histogram h = histogram(image, c);
    int low = 0, high = 255;
    while (low < 255 && h[size_t(low)] == 0) ++low;
    while (high > 0 && h[size_t(high)] == 0) --high;
    if (high <= low) continue;
    const double scale = 255.0 / double(high - low), offset = double(-low) * scale;
    Table table;
    for (int i = 0; i < 256; ++i) table[size_t(i)] = uint8_t(std::clamp(int(double(i) * scale + offset), 0, 255));
    map(image, c, table);
  }
}

void equalize(View image) {
  for (int64_t c = 0; c < image.channels(); ++c) {
    const Histogram h = histogram(image, c);
    const auto greatest = std::find_if(h.rbegin(), h.rend(), [](int64_t n) { return n > 0; });
    const int64_t step = (image.rows() - *greatest) / 255;
    if (step == 0) continue;
    Table table;
    int64_t n = step / 2;
    for (size_t i = 0; i < 256; ++i) {
      table[i] = uint8_t(std::min<int64_t>(n / step, 255));
      n += h[i];
    }
    map(image, c, table);
  }
}

}  // namespace skein
