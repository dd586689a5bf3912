// Writer of a shard folder (data/formats/shards.h). It writes to FOLDER.partial, which is complete and synced to the
// disk when finish() returns. Without finish(), the destructor removes it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/formats/shards.h"

namespace skein {

struct ShardImage {
  std::string class_name, name;  // name: CLASS/FILE
  FileBytes bytes;
  ImageSize size;  // upright
};

class ShardWriter {
 public:
  // Largest numbers of shards. RunFailed, here and below, if the disk is full or cannot be written.
  ShardWriter(const std::string& folder, int64_t train_shards, int64_t test_shards);
  ~ShardWriter();
  ShardWriter(const ShardWriter&) = delete;
  ShardWriter& operator=(const ShardWriter&) = delete;

  // Adds the image to a shard that is drawn at random from the number of images before it: the same sequence of images
  // gives the same files.
  void add(bool test, const ShardImage& image);
  // Writes the index; classes are numbered in the order of their names. BadInput if the training set is empty or a
  // class has test images only. Returns the name of the folder.
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
  struct Columns;
  // labels: by the number of a class.
  static Columns columns_of(const Split& split, const std::vector<int32_t>& labels);

  std::string partial_;
  Split train_, test_;
  std::map<std::string, int32_t> class_ids_;
  bool finished_ = false;
};

}  // namespace skein
