// Shards: the image files of a dataset concatenated into a few large files, so that they are read sequentially.
//   FOLDER/train-00000.shard ...   the bytes of the images, nothing else
//   FOLDER/index.skein             safetensors; for each split, n images in the order in which they lie in its shards:
//     tensor            type   shape
//     SPLIT.bytes       i32    (n)      bytes of an image file
//     SPLIT.labels      i32    (n)
//     SPLIT.sizes       i32    (n,2)    width, height, upright
//     SPLIT.checksums   i32    (n)      CRC-32 of an image file
//     SPLIT.names       u8              CLASS/FILE, each ended by a newline
//     metadata: classes, mean, std, shards of each split with their bytes and images, and `checksum`, the CRC-32 of all
//     tensors
// Import deals the images to the shards at random, so that each shard is a sample of the whole set.
#pragma once

#include <atomic>

#include "data/dataset.h"
#include "data/formats/encoded_images.h"
#include "engine/safetensors.h"

namespace skein {

// One shard, as listed in the index.
struct ShardFile {
  std::string file;  // name within the folder
  int64_t bytes = 0, images = 0;
};

class ShardedImages final : public EncodedImages {
 public:
  // Maps the shards of a split. BadInput names the file, the position and the fix: a missing or truncated shard, or an
  // index that does not belong to the shards.
  ShardedImages(const std::string& folder, const std::string& split, std::shared_ptr<const SafetensorsFile> index);
  ~ShardedImages() override;
  ShardedImages(const ShardedImages&) = delete;
  ShardedImages& operator=(const ShardedImages&) = delete;

  FileBytes read(int64_t i, std::vector<uint8_t>& memory) const override;  // verifies the checksum on first use
  std::string place(int64_t i) const override;
  void prefetch(std::span<const int32_t> images) const override;

  int64_t size() const { return int64_t(offsets_.size()); }
  std::string_view name(int64_t i) const { return names_[size_t(i)]; }
  View labels() const { return labels_; }
  int64_t bytes() const;  // of all shards

 private:
  struct Mapped {
    std::string path;
    const uint8_t* memory = nullptr;
    int64_t bytes = 0;
  };
  void map(const std::string& path, const ShardFile& shard);
  void read_names(const std::string& split, const View& text, int64_t n);
  size_t shard_of(int64_t i) const;

  std::shared_ptr<const SafetensorsFile> index_;
  View labels_, bytes_, checksums_;
  std::vector<Mapped> mapped_;
  std::vector<int64_t> offsets_;  // of each image, in its shard
  std::vector<std::string_view> names_;
  mutable std::vector<std::atomic<uint8_t>> checked_;  // 1: the checksum of the image was verified
};

// `crop`: height and width of an image in a batch. `bad_images`: largest permitted number of damaged images.
Splits open_shards(const std::string& folder, int64_t crop, int64_t bad_images);
bool is_shard_folder(const std::string& path);
// Name of a file in the folder that import does not make; empty: there is none.
std::string foreign_file(const std::string& folder);
// CRC-32 as zlib computes it; `before`: checksum of the bytes that precede these.
int32_t checksum_of(FileBytes bytes, uint32_t before = 0);

// Names in the index, shared with the writer (data/formats/shard_writer.h).
constexpr const char kShardIndex[] = "index.skein", kShardFormat[] = "skein-shards", kShardVersion[] = "1";
// Tensors of a split, in the order in which they enter the checksum of the index.
constexpr const char* kShardTensors[] = {"bytes", "labels", "sizes", "checksums", "names"};

}  // namespace skein
