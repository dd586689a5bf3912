// Synthetic images, which a model can learn and generalise from. Each class is a sum of low-frequency waves per
// channel. Each image is the pattern of its class, with a phase shifted by at most an eighth of a turn, plus uniform
// noise. Everything is a pure function of the seed.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/check.h"
#include "base/random.h"
#include "data/formats/formats.h"

namespace skein {
namespace {

constexpr int64_t kWaves = 3;
constexpr double kAmplitude = 30, kNoise = 45;  // in units of a byte; noise is uniform in +-kNoise

// Separates the random streams; used as the epoch of random_words().
enum SyntheticStream : uint32_t { kPattern, kTrainImages, kTestImages };

// One class: the sums over its waves of cosine and of sine at every pixel. Shifted by a phase p, the pattern is
// cos(p)*cosine - sin(p)*sine.
struct Pattern {
  std::vector<float> cosine, sine;
};

Pattern draw_pattern(const SyntheticOptions& o, uint64_t seed, int64_t label) {
  const auto values = size_t(o.size * o.size * o.channels);
  Pattern p{std::vector<float>(values), std::vector<float>(values)};
  for (int64_t c = 0; c < o.channels; ++c)
    for (int64_t k = 0; k < kWaves; ++k) {
      const RandomWords r = random_words(seed, Purpose::synthetic, kPattern, uint32_t(label), uint32_t(c * kWaves + k));
      const double fy = double(bounded(r[0], 7)) - 3, fx = double(bounded(r[1], 7)) - 3;  // cycles per image
      for (int64_t y = 0; y < o.size; ++y)
        for (int64_t x = 0; x < o.size; ++x) {
          const double turns = (fy * double(y) + fx * double(x)) / double(o.size) + double(uniform(r[2]));
          const auto i = size_t((y * o.size + x) * o.channels + c);
          p.cosine[i] += float(kAmplitude * std::cos(2 * std::numbers::pi * turns));
          p.sine[i] += float(kAmplitude * std::sin(2 * std::numbers::pi * turns));
        }
    }
  return p;
}

void draw_image(const Pattern& p, uint64_t seed, uint32_t stream, int64_t image, uint8_t* to) {
  RandomWords r = random_words(seed, Purpose::synthetic, stream, uint32_t(image), 0);
  const double phase = 2 * std::numbers::pi * (double(uniform(r[0])) - 0.5) / 4;
  const auto c = float(std::cos(phase)), s = float(std::sin(phase));
  for (size_t i = 0; i < p.cosine.size(); ++i) {
    if (i % 4 == 0) r = random_words(seed, Purpose::synthetic, stream, uint32_t(image), uint32_t(1 + i / 4));
    const float noise = float(kNoise) * (2 * uniform(r[int64_t(i % 4)]) - 1);
    to[i] = uint8_t(std::clamp(128 + c * p.cosine[i] - s * p.sine[i] + noise, 0.0f, 255.0f));
  }
}

Dataset draw_split(const SyntheticOptions& o, uint64_t seed, uint32_t stream, int64_t n) {
  Dataset d = allocate_dataset("synthetic", n, o.size, o.size, o.channels);
  std::vector<Pattern> patterns;
  for (int64_t c = 0; c < o.classes; ++c) {
    d.classes.push_back(std::to_string(c));
    patterns.push_back(draw_pattern(o, seed, c));
  }
  const int64_t bytes = o.size * o.size * o.channels;
#pragma omp parallel for
  for (int64_t i = 0; i < n; ++i) {
    d.labels.as<int32_t>()[i] = int32_t(i % o.classes);
    draw_image(patterns[size_t(i % o.classes)], seed, stream, i, d.pixels().as<uint8_t>() + i * bytes);
  }
  std::fill(d.mean, d.mean + o.channels, 0.5f);
  std::fill(d.std, d.std + o.channels, 0.25f);
  return d;
}

}  // namespace

Splits make_synthetic(const SyntheticOptions& o, uint64_t seed) {
  if (o.train < 1 || o.test < 1 || o.size < 1 || o.size > 1024 || o.classes < 1 || (o.channels != 1 && o.channels != 3))
    throw BadInput(
        "synthetic data: {} + {} images, size {}, {} channels, {} classes are not possible. Take at least one "
        "image and class, size 1 to 1024, 1 or 3 channels",
        o.train, o.test, o.size, o.channels, o.classes);
  return {draw_split(o, seed, kTrainImages, o.train), draw_split(o, seed, kTestImages, o.test)};
}

}  // namespace skein
