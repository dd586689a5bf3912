#include "data/dataset.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/check.h"
#include "data/formats/formats.h"
#include "data/formats/shards.h"

namespace skein {
namespace fs = std::filesystem;

Dataset allocate_dataset(const std::string& name, int64_t n, int64_t h, int64_t w, int64_t c) {
  struct Storage {
    std::unique_ptr<uint8_t[]> images;  // uninitialised: the reader writes every byte
    std::unique_ptr<int32_t[]> labels;
  };
  auto storage = std::make_shared<Storage>();
  storage->images.reset(new uint8_t[size_t(n * h * w * c)]);
  storage->labels.reset(new int32_t[size_t(n)]);
  Dataset d;
  d.name = name;
  d.images = View{storage->images.get(), DType::u8, {n, h, w, c}};
  d.labels = {storage->labels.get(), DType::i32, {1, 1, 1, n}};
  d.storage = storage;
  return d;
}

void check_label(const std::string& file, int64_t record, int64_t label, size_t classes) {
  if (label < 0 || label >= int64_t(classes))
    throw BadInput("{}: record {}: label {} is out of range 0..{}. Copy or make the file again", file, record, label,
                   classes - 1);
}

void set_statistics(Dataset& dataset) {
  const int64_t channels = dataset.channels(), pixels = dataset.pixels().rows();
  const uint8_t* p = dataset.pixels().as<const uint8_t>();
  uint64_t sum[4] = {}, squares[4] = {};  // exact up to 2^48 pixels
  for (int64_t i = 0; i < pixels; ++i, p += channels)
    for (int64_t c = 0; c < channels; ++c) {
      sum[c] += p[c];
      squares[c] += uint64_t(p[c]) * p[c];
    }
  for (int64_t c = 0; c < channels; ++c) {
    const double mean = double(sum[c]) / double(pixels), square = double(squares[c]) / double(pixels);
    const double deviation = std::sqrt(std::max(0.0, square - mean * mean));
    dataset.mean[c] = float(mean / 255);
    dataset.std[c] = deviation > 0 ? float(deviation / 255) : 1.0f;  // constant channel: no scaling
  }
}

std::vector<std::string> known_datasets() {
  std::vector<std::string> names = idx_datasets();
  names.insert(names.end(), {"cifar10", "cifar100", "imagenet", "synthetic"});
  return names;
}

bool is_in_current_folder(const std::string& name) { return name == "cifar10" || name == "cifar100"; }

namespace {

Splits open_by_name(const std::string& name, const DatasetOptions& options) {
  const std::vector<std::string> idx = idx_datasets();
  if (std::find(idx.begin(), idx.end(), name) != idx.end()) return open_idx(name, options.dir);
  if (name == "cifar10") return open_cifar(cifar10_format(), options.dir);
  if (name == "cifar100") return open_cifar(cifar100_format(), options.dir);
  if (name == "imagenet") return open_imagenet(options);
  if (name == "synthetic") return make_synthetic(options.synthetic, options.seed);
  if (is_shard_folder(name)) return open_shards(name, options.crop, options.bad_images);
  if (const std::string set = idx_set_in(name); !set.empty()) return open_idx(set, name);
  if (fs::is_directory(name)) return open_image_folder(name, options);
  if (fs::is_regular_file(name)) return open_packed(name);
  if (fs::path(name).has_parent_path() || fs::path(name).has_extension())
    throw BadInput(
        "dataset {}: there is no such file or folder. Check the path, or make the file with `skein data import`", name);
  throw BadInput("unknown dataset '{}'. Known: {}; or give a packed FILE.skein, or a folder DIR/{{train,val}}/CLASS/",
                 name, fmt::join(known_datasets(), ", "));
}

}  // namespace

Splits open_dataset(const std::string& name, const DatasetOptions& options) {
  Splits s = open_by_name(name, options);
  const std::string& folder = name == "imagenet" ? options.dir : name;
  if (options.val_split > 0 && (!fs::is_directory(folder) || is_shard_folder(folder)))
    s.notes.push_back(fmt::format("note     --val-split has no effect: {} has a test set", name));
  return s;
}

void make_resident(Dataset& dataset) {
  if (dataset.is_encoded()) return;
  const int64_t* d = dataset.dims();
  auto copies = std::make_shared<ResidentImages>();
  copies->images = Tensor::empty(Device::cuda, DType::u8, {d[0], d[1], d[2], d[3]});
  copies->labels = Tensor::empty(Device::cuda, DType::i32, {dataset.size()});
  cuda::copy_from_host(nullptr, dataset.pixels().data, copies->images);
  cuda::copy_from_host(nullptr, dataset.labels.data, copies->labels);
  dataset.resident = std::move(copies);
}

}  // namespace skein
