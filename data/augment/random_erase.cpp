#include "data/augment/random_erase.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace skein {
namespace {

constexpr double kLeastArea = 0.02, kMostArea = 0.33, kLeastRatio = 0.3, kMostRatio = 3.3;
constexpr uint32_t kTries = 10;

Box cutout(int64_t side, int64_t height, int64_t width, const RandomWords& words) {
  const auto part = [side](int64_t centre, int64_t length) {
    const int64_t begin = std::max<int64_t>(0, centre - side / 2), end = std::min(length, centre + side / 2);
    return std::pair{int32_t(begin), int32_t(end - begin)};
  };
  const auto [top, rows] = part(bounded(words[1], uint32_t(height)), height);
  const auto [left, columns] = part(bounded(words[2], uint32_t(width)), width);
  return {top, left, rows, columns};
}

}  // namespace

Box draw_erased(const EraseOptions& options, int64_t height, int64_t width, uint64_t seed, int64_t epoch,
                int64_t sample) {
  const auto words = [&](uint32_t index) {
    return random_words(seed, Purpose::erase, uint32_t(epoch), uint32_t(sample), index);
  };
  if (options.cutout > 0) return cutout(options.cutout, height, width, words(0));
  if (double(uniform(words(0)[0])) >= options.probability) return {};
  for (uint32_t attempt = 1; attempt <= kTries; ++attempt) {
    const RandomWords r = words(attempt);
    const double area = double(height * width) * (kLeastArea + (kMostArea - kLeastArea) * double(uniform(r[0])));
    const double low = std::log(kLeastRatio), high = std::log(kMostRatio);
    const double ratio = std::exp(low + (high - low) * double(uniform(r[1])));
    const auto rows = int64_t(std::nearbyint(std::sqrt(area * ratio))),
               columns = int64_t(std::nearbyint(std::sqrt(area / ratio)));
    if (rows >= height || columns >= width) continue;
    return {int32_t(bounded(r[2], uint32_t(height - rows + 1))), int32_t(bounded(r[3], uint32_t(width - columns + 1))),
            int32_t(rows), int32_t(columns)};
  }
  return {};
}

void draw_erased(const EraseOptions& options, int64_t height, int64_t width, uint64_t seed, int64_t epoch,
                 std::span<const int32_t> samples, std::vector<Box>& boxes) {
  boxes.clear();
  for (const int32_t sample : samples) boxes.push_back(draw_erased(options, height, width, seed, epoch, sample));
}

}  // namespace skein
