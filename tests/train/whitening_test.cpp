#include "train/weights/whitening.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/formats/formats.h"
#include "tests/support/small_training_run.h"

namespace skein::testing {
namespace {

constexpr int64_t kKernel = 3, kSide = 12, kPatch = kKernel * kKernel * 3;

Splits pictures() { return open_dataset("synthetic", {.synthetic = {.train = 64, .test = 8, .size = kSide}}); }

TEST(Whitening, EigenvectorsOfASymmetricMatrix) {
  // Eigenvalues 3 and 1 of [2 1; 1 2], and 5 of its own.
  const Eigen e = symmetric_eigen({2, 1, 0, 1, 2, 0, 0, 0, 5}, 3);
  const double half = std::sqrt(0.5);
  const std::vector<double> values{5, 3, 1}, vectors{0, 0, 1, half, half, 0, half, -half, 0};
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(e.values[i], values[i], 1e-14);
  for (size_t i = 0; i < 6; ++i) EXPECT_NEAR(e.vectors[i], vectors[i], 1e-14);
  EXPECT_NEAR(std::abs(e.vectors[6]), half, 1e-14);
  EXPECT_NEAR(e.vectors[6] + e.vectors[7], 0, 1e-14);
}

// The covariance of the filters' outputs, over all patches of all images (fewer than 1000), is close to the identity.
TEST(Whitening, OutputsAreNotCorrelated) {
  const Splits data = pictures();
  const Dataset& train = data.train;
  constexpr int64_t kPairs = 8;
  const std::vector<float> filters = whitening_filters(train, {2 * kPairs + 1, kKernel, 3});
  ASSERT_EQ(filters.size(), size_t(2 * kPairs * kPatch));

  std::vector<double> mean(kPairs), products(kPairs * kPairs);
  int64_t count = 0;
  for (int64_t n = 0; n < train.size(); ++n)
    for (int64_t y = 0; y + kKernel <= kSide; ++y)
      for (int64_t x = 0; x + kKernel <= kSide; ++x, ++count) {
        std::vector<double> out(kPairs);
        for (int64_t j = 0; j < kPairs; ++j)
          for (int64_t i = 0; i < kPatch; ++i) {
            const int64_t row = y + i / (3 * kKernel), offset = i % (3 * kKernel), c = i % 3;
            const double pixel = train.pixels().as<const uint8_t>()[((n * kSide + row) * kSide + x) * 3 + offset];
            out[j] += filters[2 * j * kPatch + i] * (pixel / 255 - train.mean[c]) / train.std[c];
          }
        for (int64_t j = 0; j < kPairs; ++j) {
          mean[j] += out[j];
          for (int64_t k = 0; k < kPairs; ++k) products[j * kPairs + k] += out[j] * out[k];
        }
      }
  for (int64_t j = 0; j < kPairs; ++j)
    for (int64_t k = 0; k < kPairs; ++k) {
      const double covariance = products[j * kPairs + k] / count - mean[j] / count * mean[k] / count;
      EXPECT_NEAR(covariance, j == k, 0.02) << j << " " << k;  // lambda / (lambda + 5e-4) on the diagonal
    }
  for (int64_t i = 0; i < kPatch; ++i) EXPECT_EQ(filters[i], -filters[kPatch + i]);
}

TEST(Whitening, IsRefusedWhereItCannotBe) {
  const Splits data = pictures();
  expect_error([&] { whitening_filters(data.train, {8, 13, 3}); }, {"--whiten-stem", "12 x 12", "13 x 13"});
}

}  // namespace
}  // namespace skein::testing
