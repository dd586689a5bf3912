// Images of a dataset that stay image files until a batch needs them. Implementations: ShardedImages
// (data/formats/shards.h) and the files of a folder (data/formats/imagenet.cpp).
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "data/image/image_reader.h"

namespace skein {

// Count of the damaged images of a run, shared by all splits. A damaged image does not end the run: the next image of
// the dataset replaces it. Thread-safe.
class BadImages {
 public:
  explicit BadImages(int64_t limit) : limit_(limit) {}
  // Counts each place once and names it on stderr. BadInput if the count exceeds the limit.
  void report(const std::string& place, const std::string& reason);
  int64_t count() const;
  bool contains(const std::string& place) const;

 private:
  const int64_t limit_;
  mutable std::mutex mutex_;
  std::set<std::string> places_;
};

class EncodedImages {
 public:
  virtual ~EncodedImages() = default;
  // Bytes of image file i, in memory of this object or in `memory`. BadImage if the file cannot be read or its checksum
  // is wrong. Thread-safe.
  virtual FileBytes read(int64_t i, std::vector<uint8_t>& memory) const = 0;
  virtual std::string place(int64_t i) const = 0;           // file, record and name, for messages
  virtual void prefetch(std::span<const int32_t>) const {}  // hint: these images will be read soon

  // First image of each shard, then the number of images (ShardLayout::boundaries). Never empty.
  std::vector<int64_t> shard_boundaries;
  std::shared_ptr<BadImages> bad = std::make_shared<BadImages>(0);
};

}  // namespace skein
