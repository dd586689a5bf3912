#include "kernels/augment.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "base/random.h"

namespace skein::testing {
namespace {

struct Images {
  std::vector<uint8_t> bytes;
  View view;
  Images(int64_t n, int64_t h, int64_t w, int64_t c) : bytes(size_t(n * h * w * c)) {
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = uint8_t(random_words(1, Purpose::test, 0, 0, uint32_t(i))[0]);
    view = {bytes.data(), DType::u8, {n, h, w, c}};
  }
  double at(int64_t i, int64_t y, int64_t x, int64_t c) const {
    const int64_t* d = view.dims;
    return y < 0 || y >= d[1] || x < 0 || x >= d[2] ? 0 : bytes[size_t(((i * d[1] + y) * d[2] + x) * d[3] + c)];
  }
};

Augmentation make(bool training, int32_t padding = 4) {
  return {training, Flip::random, padding, {0.4914f, 0.4822f, 0.4465f, 0.3f}, {0.2023f, 0.1994f, 0.2010f, 0.7f}};
}

std::vector<float> run(const Images& images, std::vector<int32_t> samples, const Augmentation& a, uint64_t seed = 11,
                       uint32_t epoch = 5) {
  const int64_t* d = images.view.dims;
  const auto n = int64_t(samples.size());
  std::vector<float> out(size_t(n * d[1] * d[2] * d[3]), -99.0f);
  cpu::augment(nullptr, images.view, {samples.data(), DType::i32, {1, 1, 1, n}}, a, seed, epoch,
               {out.data(), DType::f32, {n, d[1], d[2], d[3]}});
  return out;
}

// Definition of the augmentation, pixel by pixel in double, for a given flip and given offsets.
double expected(const Images& images, const Augmentation& a, int64_t i, bool flip, int64_t dy, int64_t dx, int64_t y,
                int64_t x, int64_t c) {
  const int64_t from_y = y + dy - a.padding, from_x = x + dx - a.padding;
  const double pixel = images.at(i, from_y, flip ? images.view.dims[2] - 1 - from_x : from_x, c);
  return (pixel / 255 - double(a.mean[c])) / double(a.std[c]);
}

bool equals(const Images& images, const Augmentation& a, const float* out, int64_t i, bool flip, int64_t dy,
            int64_t dx) {
  const int64_t* d = images.view.dims;
  for (int64_t y = 0; y < d[1]; ++y)
    for (int64_t x = 0; x < d[2]; ++x)
      for (int64_t c = 0; c < d[3]; ++c)
        if (std::abs(*out++ - expected(images, a, i, flip, dy, dx, y, x, c)) > 1e-6) return false;
  return true;
}

TEST(Augment, EvaluationOnlyNormalises) {
  for (int64_t channels : {1, 2, 3, 4})
    for (int64_t width : {1, 5, 32, 33, 101}) {
      const Images images(4, 3, width, channels);
      const auto out = run(images, {2, 0, 3}, make(false));
      const int64_t size = 3 * width * channels;
      for (int64_t b = 0; b < 3; ++b)
        EXPECT_TRUE(equals(images, make(false, 0), out.data() + b * size,
                           (b == 0   ? 2
                            : b == 1 ? 0
                                     : 3),
                           false, 0, 0))
            << width << " wide, " << channels << " channels, image " << b;
    }
}

TEST(Augment, TheOperationsAreThoseOfTorchvisionToTheBit) {
  const Images images(1, 32, 32, 3);
  const Augmentation a = make(false);
  const auto out = run(images, {0}, a);
  for (size_t i = 0; i < out.size(); ++i) {
    const float scaled = float(images.bytes[i]) / 255.0f, centred = scaled - a.mean[i % 3];
    ASSERT_EQ(out[i], centred / a.std[i % 3]);
  }
}

TEST(Augment, TrainingIsTheDocumentedFlipAndCrop) {
  for (auto [height, width, channels, padding] : {std::array<int64_t, 4>{32, 32, 3, 4},
                                                  {28, 28, 1, 4},
                                                  {5, 7, 3, 4},
                                                  {3, 2, 1, 4},
                                                  {6, 50, 2, 2},
                                                  {4, 4, 4, 0}}) {
    const Images images(20, height, width, channels);
    const Augmentation a = make(true, int32_t(padding));
    std::vector<int32_t> samples;
    for (int32_t i = 0; i < 20; ++i) samples.push_back(19 - i);
    const auto out = run(images, samples, a);
    for (size_t b = 0; b < 20; ++b) {
      const RandomWords w = random_words(11, Purpose::augment, 5, uint32_t(samples[b]), 0);
      const auto offsets = uint32_t(2 * padding + 1);
      EXPECT_TRUE(equals(images, a, out.data() + int64_t(b) * height * width * channels, samples[b], w[0] >> 31 != 0,
                         bounded(w[1], offsets), bounded(w[2], offsets)))
          << height << "x" << width << "x" << channels << " sample " << samples[b];
    }
  }
}

// Two epochs in a row show both sides of every image; the sides of the first are drawn.
TEST(Augment, AlternateFlipsShowBothSides) {
  int mirrored = 0;
  for (uint32_t sample = 0; sample < 400; ++sample) {
    const bool first = is_flipped(Flip::alternate, 7, 0, sample);
    for (uint32_t epoch = 1; epoch < 4; ++epoch)
      ASSERT_EQ(is_flipped(Flip::alternate, 7, epoch, sample), first != (epoch % 2 == 1)) << sample << " " << epoch;
    mirrored += first;
  }
  EXPECT_NEAR(mirrored, 200, 40);  // four standard deviations
}

// Index of the outcome, one of 162, that an augmented image shows. Independent of the random generator.
TEST(Augment, EveryOutcomeIsAsLikelyAsTheOthers) {
  const Images images(1, 16, 16, 1);
  const Augmentation a = make(true);
  std::map<int, int> count;
  const uint32_t draws = 8100;
  for (uint32_t epoch = 0; epoch < draws; ++epoch) {
    const auto out = run(images, {0}, a, 3, epoch);
    for (int k = 0; k < 162; ++k)
      if (equals(images, a, out.data(), 0, k / 81 != 0, k % 81 / 9, k % 9)) ++count[k];
  }
  EXPECT_EQ(count.size(), 162u);
  double chi2 = 0, total = 0;
  for (auto [k, n] : count) {
    chi2 += (n - 50.0) * (n - 50.0) / 50.0;
    total += n;
  }
  EXPECT_EQ(total, draws);  // every result is exactly one of the outcomes
  EXPECT_LT(chi2, 222);     // 161 degrees of freedom, 0.1 %
}

TEST(Augment, DependsOnSeedEpochAndSampleOnly) {
  const Images images(64, 32, 32, 3);
  const int64_t size = 32 * 32 * 3;
  const auto many = run(images, {9, 63, 5, 17}, make(true)), one = run(images, {17}, make(true));
  EXPECT_TRUE(std::equal(one.begin(), one.end(), many.begin() + 3 * size));
  EXPECT_NE(one, run(images, {17}, make(true), 12));
  EXPECT_NE(one, run(images, {17}, make(true), 11, 6));
}

TEST(Augment, RefusesASampleThatIsNotThere) {
  const Images images(4, 3, 3, 1);
  EXPECT_THROW(run(images, {4}, make(true)), std::logic_error);
  EXPECT_THROW(run(images, {-1}, make(true)), std::logic_error);
}

}  // namespace
}  // namespace skein::testing
