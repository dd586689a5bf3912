#include "data/formats/folders/val_split.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace skein {
namespace {

constexpr uint32_t kValDraw = 0xfffffffd;  // epoch number of the random stream that draws the test set

}  // namespace

void draw_test_set(const ImageSource& source, const std::vector<std::string>& classes, double part, uint64_t seed,
                   std::vector<PlacedImage>& images) {
  struct Drawn {
    uint64_t key;
    size_t image;
  };
  std::vector<std::vector<Drawn>> by_class(classes.size());
  for (size_t i = 0; i < images.size(); ++i) {
    const PlacedImage& image = images[i];
    uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a, 64 bits
    for (const char c : classes[size_t(image.label)] + "/" + source.entries[image.entry].path.substr(image.name))
      hash = (hash ^ uint8_t(c)) * 0x100000001b3u;
    const RandomWords r = random_words(seed, Purpose::permute, kValDraw, uint32_t(hash >> 32), uint32_t(hash));
    by_class[size_t(image.label)].push_back({uint64_t{r[0]} << 32 | r[1], i});
  }
  for (std::vector<Drawn>& drawn : by_class) {
    const auto n = int64_t(drawn.size());
    const int64_t count = std::clamp<int64_t>(std::llround(double(n) * part), n > 1, n - 1);
    std::sort(drawn.begin(), drawn.end(),
              [](const Drawn& a, const Drawn& b) { return a.key != b.key ? a.key < b.key : a.image < b.image; });
    for (int64_t i = 0; i < count; ++i) images[drawn[size_t(i)].image].test = true;
  }
}

}  // namespace skein
