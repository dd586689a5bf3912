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

struct ShardFile {
  std::string file;  // within the folder
  int64_t bytes = 0, images = 0;
};

class Shards final : public EncodedImages {
 public:
  // BadInput names file, place and fix where anything does not fit: an absent shard, one cut short, another's index.
  Shards(const std::string& folder, const std::string& split, std::shared_ptr<const SafetensorsFile> index);
  ~Shards() override;
  Shards(const Shards&) = delete;
  Shards& operator=(const Shards&) = delete;

  FileBytes read(int64_t i, std::vector<uint8_t>& memory) const override;  // its checksum is computed the first time
  std::string place(int64_t i) const override;
  void expect(std::span<const int32_t> images) const override;

  int64_t size() const { return int64_t(offsets_.size()); }
  ImageSize image_size(int64_t i) const;
  std::string_view name(int64_t i) const { return names_[size_t(i)]; }
  View labels() const { return labels_; }
  int64_t bytes() const;  // of all images

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
  View labels_, sizes_, bytes_, checksums_;
  std::vector<Mapped> mapped_;
  std::vector<int64_t> offsets_;  // in its shard
  std::vector<std::string_view> names_;
  mutable std::vector<std::atomic<uint8_t>> checked_;
};

// `crop`: height and width of what a batch gets of each image.
Splits open_shards(const std::string& folder, int64_t crop, int64_t bad_images);
bool is_shard_folder(const std::string& path);
int32_t checksum_of(FileBytes bytes, uint32_t before = 0);  // CRC-32, as zlib computes it

// Names of the index, shared with the writer (data/formats/shard_writer.h).
constexpr const char kShardIndex[] = "index.skein", kShardFormat[] = "skein-shards", kShardVersion[] = "1";
// Tensors of a split in the order in which they enter the checksum.
constexpr const char* kShardTensors[] = {"bytes", "labels", "sizes", "checksums", "names"};

}  // namespace skein
