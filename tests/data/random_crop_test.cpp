#include "data/image/random_crop.h"

#include <gtest/gtest.h>

namespace skein::testing {
namespace {

TEST(RandomCrop, FollowsTorchvisionsDefinition) {
  const ImageSize image{500, 375};
  double flips = 0, area = 0, tall = 0;
  constexpr int64_t kSamples = 4000;
  for (int64_t s = 0; s < kSamples; ++s) {
    const Crop c = random_resized_crop(image, 5, 2, s);
    ASSERT_GE(c.x.low, 0);
    ASSERT_LE(c.x.high, 500);
    ASSERT_GE(c.y.low, 0);
    ASSERT_LE(c.y.high, 375);
    ASSERT_EQ(c.x.begin, double(c.x.low));
    ASSERT_EQ(c.x.length, double(c.x.high - c.x.low));
    const double part = c.x.length * c.y.length / (500.0 * 375), ratio = c.x.length / c.y.length;
    ASSERT_GT(part, 0.079);
    ASSERT_LE(part, 1.0);
    ASSERT_GT(ratio, 0.74);
    ASSERT_LT(ratio, 1.345);
    flips += c.flip;
    area += part;
    tall += ratio < 1;
  }
  EXPECT_NEAR(flips / kSamples, 0.5, 0.03);
  // Reference: torchvision's get_params() on 400,000 images of this size gives a mean area of 0.433 and 41.6 % tall
  // crops, as large crops seldom fit.
  EXPECT_NEAR(area / kSamples, 0.433, 0.015);
  EXPECT_NEAR(tall / kSamples, 0.416, 0.03);
}

TEST(RandomCrop, OddImages) {
  const Crop wide = random_resized_crop({1000, 10}, 1, 0, 0);  // no try fits: the centre
  EXPECT_EQ(wide.x.high - wide.x.low, 13);
  EXPECT_EQ(wide.x.low, 493);
  EXPECT_EQ(wide.y.length, 10);
  const Crop tall = random_resized_crop({10, 1000}, 1, 0, 0);
  EXPECT_EQ(tall.y.high - tall.y.low, 13);
  for (int64_t s = 0; s < 50; ++s) EXPECT_EQ(random_resized_crop({1, 1}, 1, 0, s).x.length, 1);
}

TEST(RandomCrop, CentreIsResize256Crop224) {
  const Crop c = centre_crop({500, 375}, 224);  // 341 x 256, from column round(58.5) = 58 and row 16
  EXPECT_NEAR(c.x.begin, 58 * 500.0 / 341, 1e-9);
  EXPECT_NEAR(c.x.length, 224 * 500.0 / 341, 1e-9);
  EXPECT_NEAR(c.y.begin, 16 * 375.0 / 256, 1e-9);
  EXPECT_EQ(c.x.low, 0);
  EXPECT_EQ(c.x.high, 500);
}

}  // namespace
}  // namespace skein::testing
