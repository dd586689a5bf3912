#include "data/fingerprint.h"

#include <algorithm>

#include "data/formats/encoded_images.h"

namespace skein {
namespace {

constexpr int64_t kImages = 64;  // images that are hashed, at equal distances

// FNV-1a, 64 bits.
class Hash {
 public:
  void add(const void* data, size_t n) {
    const auto* bytes = static_cast<const uint8_t*>(data);
    for (size_t i = 0; i < n; ++i) value_ = (value_ ^ bytes[i]) * 0x100000001b3u;
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325u;
};

}  // namespace

uint64_t fingerprint(const Dataset& d) {
  Hash hash;
  hash.add(d.images.dims, sizeof d.images.dims);
  for (const std::string& name : d.classes) hash.add(name.c_str(), name.size() + 1);
  hash.add(d.mean, sizeof d.mean);
  hash.add(d.std, sizeof d.std);
  hash.add(d.label(), size_t(d.size()) * sizeof(int32_t));
  const int64_t hashed = std::min(d.size(), kImages), image = d.height() * d.width() * d.channels();
  std::vector<uint8_t> memory;
  for (int64_t i = 0; i < hashed; ++i) {
    const int64_t at = i * (d.size() - 1) / std::max<int64_t>(1, hashed - 1);
    if (!d.is_encoded()) {
      hash.add(d.images.as<const uint8_t>() + at * image, size_t(image));
      continue;
    }
    try {
      const FileBytes file = d.encoded->read(at, memory);
      hash.add(file.data(), file.size());
    } catch (const BadImage&) {  // not reported here: the loader reports it when a batch needs the image
    }
  }
  return hash.value();
}

}  // namespace skein
