#include "data/fingerprint.h"

#include <algorithm>
#include <cstring>

#include "base/hash.h"
#include "data/formats/encoded_images.h"

namespace skein {
namespace {

constexpr int64_t kImages = 64;  // images that are hashed as a whole, at equal distances
constexpr int64_t kWords = 8;    // of eight bytes, at equal distances, of every image in memory

void add_samples(const Dataset& d, Hash& hash) {
  const int64_t image = d.height() * d.width() * d.channels(), last = image - int64_t(sizeof(uint64_t));
  const uint8_t* pixels = d.pixels().as<const uint8_t>();
  if (last < 0) return hash.add(pixels, size_t(d.size() * image));
  for (int64_t i = 0; i < d.size(); ++i, pixels += image)
    for (int64_t w = 0; w < kWords; ++w) {
      uint64_t word = 0;
      std::memcpy(&word, pixels + w * last / (kWords - 1), sizeof word);
      hash.add_word(word);
    }
}

}  // namespace

uint64_t fingerprint(const Dataset& d) {
  Hash hash;
  hash.add(d.dims(), 4 * sizeof(int64_t));
  for (const std::string& name : d.classes) hash.add(name.c_str(), name.size() + 1);
  hash.add(d.mean, sizeof d.mean);
  hash.add(d.std, sizeof d.std);
  hash.add(d.label(), size_t(d.size()) * sizeof(int32_t));
  if (!d.is_encoded()) add_samples(d, hash);
  const int64_t hashed = std::min(d.size(), kImages), image = d.height() * d.width() * d.channels();
  std::vector<uint8_t> memory;
  for (int64_t i = 0; i < hashed; ++i) {
    const int64_t at = i * (d.size() - 1) / std::max<int64_t>(1, hashed - 1);
    if (!d.is_encoded()) {
      hash.add(d.pixels().as<const uint8_t>() + at * image, size_t(image));
      continue;
    }
    try {
      const FileBytes file = d.encoded().read(at, memory);
      hash.add(file.data(), file.size());
    } catch (const BadImage&) {  // not reported here: the loader reports it when a batch needs the image
    }
  }
  return hash.value();
}

}  // namespace skein
