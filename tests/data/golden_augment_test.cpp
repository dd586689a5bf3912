// TrivialAugment's pixels, random erasing's boxes and CutMix's boxes against torchvision, Pillow and timm:
// tests/golden/augment.txt, which tests/oracle/augment_golden.py has written.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/random.h"
#include "data/augment/random_erase.h"
#include "data/augment/trivial_augment.h"
#include "data/loading/batch_mix.h"

namespace skein::testing {
namespace {

constexpr uint64_t kSeed = 7;
constexpr int64_t kEpoch = 3;

struct Pattern {
  int64_t height, width, channels;
  int kind;  // 0 noise, 1 a slope with little contrast, 2 one value, 3 a few values
};
constexpr Pattern kPatterns[] = {{32, 32, 3, 0}, {32, 32, 3, 1}, {17, 23, 3, 3}, {28, 28, 1, 1},
                                 {28, 28, 1, 0}, {8, 8, 3, 2},   {1, 2, 3, 0}};

Bytes pattern(const Pattern& p) {
  Bytes image;
  auto state = uint32_t(p.kind + 1);
  for (int64_t y = 0; y < p.height; ++y)
    for (int64_t x = 0; x < p.width; ++x)
      for (int64_t c = 0; c < p.channels; ++c) {
        state = state * 1664525u + 1013904223u;
        const int64_t noise = state >> 24;
        const int64_t values[] = {noise, 90 + 2 * y + x + 10 * c + noise % 5, 77, 60 * (noise % 4) + 20 * c};
        image.push_back(uint8_t(values[p.kind]));
      }
  return image;
}

// FNV-1a of the results of an operation with every strength and sign.
std::string hash_of_results(const Pattern& p, TrivialOp op) {
  const Bytes original = pattern(p);
  Bytes image, scratch;
  uint64_t hash = 0xcbf29ce484222325;
  for (int k = 0; k < int(kTrivialStrengths); ++k)
    for (const bool negative : {false, true}) {
      image = original;
      trivial_augment({image.data(), DType::u8, {1, p.height, p.width, p.channels}}, {op, k, negative}, scratch);
      for (const uint8_t byte : image) hash = (hash ^ byte) * 0x100000001b3;
    }
  return fmt::format("{:016x}", hash);
}

// Rows of the golden file that begin with `name`, without it.
std::vector<std::istringstream> rows(const std::string& name) {
  std::ifstream file(SKEIN_SOURCE_DIR "/tests/golden/augment.txt");
  std::vector<std::istringstream> found;
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name + " ")) found.emplace_back(line.substr(name.size()));
  return found;
}

TEST(GoldenAugment, TrivialAugmentHasThePixelsOfTorchvisionAndPillow) {
  auto lines = rows("op");
  ASSERT_EQ(lines.size(), std::size(kPatterns) * kTrivialOps);
  for (auto& line : lines) {
    size_t image = 0;
    int op = 0;
    std::string hash;
    line >> image >> op >> hash;
    EXPECT_EQ(hash_of_results(kPatterns[image], TrivialOp(op)), hash) << "operation " << op << " of image " << image;
  }
}

TEST(GoldenAugment, RandomErasingDrawsTheBoxesOfTorchvision) {
  auto lines = rows("erase");
  ASSERT_EQ(lines.size(), 160u);
  for (auto& line : lines) {
    int64_t height = 0, width = 0, sample = 0;
    Box box;
    line >> height >> width >> sample >> box.top >> box.left >> box.height >> box.width;
    EXPECT_EQ(draw_erased({.probability = 1}, height, width, kSeed, kEpoch, sample), box)
        << sample << " of " << height << " x " << width;
  }
}

TEST(GoldenAugment, CutMixHasTheBoxAndTheShareOfTimm) {
  auto lines = rows("cutmix");
  ASSERT_EQ(lines.size(), 72u);
  for (auto& line : lines) {
    int64_t height = 0, width = 0, y = 0, x = 0;
    double lambda = 0, share = 0;
    Box box;
    line >> height >> width >> lambda >> y >> x >> box.top >> box.left >> box.height >> box.width >> share;
    const MixDraw draw = cutmix(lambda, y, x, height, width);
    EXPECT_EQ(draw.pixels.box, box) << lambda << " at " << y << ", " << x << " of " << height << " x " << width;
    EXPECT_DOUBLE_EQ(draw.share, share);
  }
}

}  // namespace
}  // namespace skein::testing
