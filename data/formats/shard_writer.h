// Writes a shard folder (data/formats/shards.h): into FOLDER.partial, which is on the disk and complete when finish() returns.
// Unless it does, nothing stays.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/formats/shards.h"

namespace skein {

struct ShardImage {
  std::string class_name, name;  // of the file, within its class
  FileBytes bytes;
  ImageSize size;  // upright
};

class ShardWriter {
 public:
  // At most these numbers of shards. RunFailed, here and below, where the disk is full or cannot be written.
  ShardWriter(const std::string& folder, int64_t train_shards, int64_t test_shards);
  ~ShardWriter();
  ShardWriter(const ShardWriter&) = delete;
  ShardWriter& operator=(const ShardWriter&) = delete;

  // Deals the image to a shard, which depends on how many there were before it, so a set is written the same again.
  void add(bool test, const ShardImage& image);
  // Classes are numbered in the order of their names. BadInput where the training set is empty, or the test set has
  // other classes. Returns the folder that was written.
  std::string finish(const std::vector<float>& mean, const std::vector<float>& std);

  int64_t images(bool test) const;
  std::vector<std::string> classes() const;  // of the training set, sorted

 private:
  struct Record {
    int32_t bytes, class_id, width, height, checksum;
    std::string name;
  };
  struct Shard;
  struct Split {
    std::string name;
    std::vector<std::unique_ptr<Shard>> shards;
    std::vector<bool> has_class;
    int64_t images = 0;
  };
  Split& split(bool test) { return test ? test_ : train_; }
  void check_classes() const;

  std::string partial_;
  Split train_, test_;
  std::map<std::string, int32_t> class_ids_;
  bool finished_ = false;
};

}  // namespace skein
