// Images that stay JPEG or PNG files until a batch needs them: in shards (data/formats/shards.h) or loose in a folder.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "data/image/image_reader.h"

namespace skein {

// One bad image does not end a run: the next one of the set takes its place. They are counted, each once, and named on
// stderr; more than the limit are a BadInput.
class BadImages {
 public:
  explicit BadImages(int64_t limit) : limit_(limit) {}
  void report(const std::string& place, const std::string& reason);
  int64_t count() const;

 private:
  const int64_t limit_;
  mutable std::mutex mutex_;
  std::set<std::string> places_;
};

class EncodedImages {
 public:
  virtual ~EncodedImages() = default;
  // The file of image i, in the set's memory or in `memory`. BadImage where it cannot be had as it was stored. Called
  // from several threads.
  virtual FileBytes read(int64_t i, std::vector<uint8_t>& memory) const = 0;
  virtual std::string place(int64_t i) const = 0;         // file, record and name, for messages
  virtual void expect(std::span<const int32_t>) const {}  // these will be read soon

  std::vector<int64_t> shards;  // the first image of each, and their number: what is read in one go
  std::shared_ptr<BadImages> bad = std::make_shared<BadImages>(0);
};

}  // namespace skein
