// ImageNet, or any dataset with the same folders, read from the image files themselves: every image is opened when a
// batch needs it. Shards (data/formats/shards.h) are faster on disks with slow random access.
#include <algorithm>

#include "base/check.h"
#include "data/formats/folders/image_source.h"
#include "data/formats/formats.h"
#include "data/formats/image_list.h"
#include "data/formats/shards.h"
#include "data/image/image_file.h"

namespace skein {
namespace {

class LooseFiles final : public EncodedImages {
 public:
  explicit LooseFiles(std::vector<ListedImage> files) : files_(std::move(files)) {
    for (const ListedImage& f : files_) labels_.push_back(f.label);
    shard_boundaries = {0, int64_t(files_.size())};
  }
  View labels() { return {labels_.data(), DType::i32, {1, 1, 1, int64_t(labels_.size())}}; }
  std::string place(int64_t i) const override { return files_[size_t(i)].path; }

  FileBytes read(int64_t i, std::vector<uint8_t>& memory) const override {
    read_image_file(files_[size_t(i)].path, memory);
    return memory;
  }

 private:
  const std::vector<ListedImage> files_;
  std::vector<int32_t> labels_;
};

Dataset dataset_of(const ImageList& list, std::vector<ListedImage> files, const DatasetOptions& options,
                   const std::shared_ptr<BadImages>& bad) {
  const auto loose = std::make_shared<LooseFiles>(std::move(files));
  loose->bad = bad;
  Dataset d;
  d.name = list.name;
  d.labels = loose->labels();
  d.images = EncodedSet{loose, {d.labels.numel(), options.crop, options.crop, 3}};
  d.classes = list.classes;
  std::copy_n(kImagenetMean, 3, d.mean);
  std::copy_n(kImagenetStd, 3, d.std);
  d.storage = loose;
  return d;
}

}  // namespace

Splits open_imagenet(const DatasetOptions& options) {
  if (options.dir.empty())
    throw BadInput(
        "imagenet: give --data-dir, a folder DIR/{{train,val}}/CLASS/*.JPEG or one that `skein data import` has made");
  if (is_shard_folder(options.dir)) return open_shards(options.dir, options.crop, options.bad_images);
  ImageList list = list_image_folder(options.dir, options);
  const auto bad = std::make_shared<BadImages>(options.bad_images);
  return {dataset_of(list, list.train, options, bad), dataset_of(list, list.test, options, bad), list.notes};
}

}  // namespace skein
