// Where datasets come from, one function per file format, and the two things that they share: memory for a split and
// the check of a label. Internal to data/ (and its tests, which read files smaller than the official ones).
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"

namespace skein {

// Memory for n images of h x w x c and n labels, to be filled through images.as<uint8_t>() and labels.as<int32_t>().
Dataset allocate_dataset(const std::string& name, int64_t n, int64_t h, int64_t w, int64_t c);

// BadInput unless 0 <= label < classes; names the file and the record.
void check_label(const std::string& file, int64_t record, int64_t label, size_t classes);

// CIFAR in its official binary form: a record is label_bytes labels, the last of which counts, then 32x32 pixels as
// planes R, G, B. Files lie in dir or in dir/folder.
struct CifarFormat {
  std::string name, folder, names_file;
  std::vector<std::string> train_files, test_files;
  int64_t label_bytes, classes, train_records, test_records;  // records per file
  float mean[3], std[3];
};
CifarFormat cifar10_format();
CifarFormat cifar100_format();
Splits open_cifar(const CifarFormat& format, const std::string& dir);

// IDX, plain or gzip: {train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz]. Empty dir: where Debian's package puts them.
Splits open_fashion_mnist(const std::string& dir);

// FILE.skein: safetensors with {train,test}.{images,labels} and metadata format, version, classes, mean, std (JSON).
Splits open_packed(const std::string& path);
void write_packed(const std::string& path, const Splits& splits);

// DIR/{train,test|val}/CLASS/*.{jpg,jpeg,png}; classes and files in the order of their names. Mean and std are those of
// the training images. One channel when every image is grey, otherwise RGB.
Splits open_image_folder(const std::string& dir, int64_t resize);

// A shard folder, or the files themselves in options.dir/{train,val}/CLASS/; normalised by ImageNet's constants.
Splits open_imagenet(const DatasetOptions& options);
constexpr float kImagenetMean[] = {0.485f, 0.456f, 0.406f}, kImagenetStd[] = {0.229f, 0.224f, 0.225f};

// Per channel, of pixels scaled to [0,1].
void set_statistics(Dataset& dataset);

Splits make_synthetic(const SyntheticOptions& options, uint64_t seed);

}  // namespace skein
