// Readers of datasets, one function per file format, and the parts that readers share. Internal to data/ and its tests.
// Errors: BadInput names the file, the position in it and the fix.
//
//   cifar.cpp         CIFAR-10 and CIFAR-100, binary version           in memory
//   idx.cpp           IDX files: MNIST, Fashion-MNIST, KMNIST, EMNIST   in memory
//   packed.cpp        FILE.skein, made by `skein data import`          in memory
//   image_folder.cpp  folder of small image files                      in memory
//   synthetic.cpp     images drawn from a seed                         in memory
//   imagenet.cpp      folder of large image files                      encoded
//   shards.cpp        shards of image files, made by import            encoded
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"

namespace skein {

// A dataset with uninitialised memory for n images u8 (n,h,w,c) and n labels.
Dataset allocate_dataset(const std::string& name, int64_t n, int64_t h, int64_t w, int64_t c);

// BadInput unless 0 <= label < classes.
void check_label(const std::string& file, int64_t record, int64_t label, size_t classes);

// CIFAR, binary version (https://www.cs.toronto.edu/~kriz/cifar.html): a record is label_bytes labels, of which the
// last is used, then 32x32 pixels as planes R, G, B. The files are in dir or in dir/folder.
struct CifarFormat {
  std::string name, folder, names_file;
  std::vector<std::string> train_files, test_files;
  int64_t label_bytes, classes, train_records, test_records;  // records per file
  float mean[3], std[3];
};
CifarFormat cifar10_format();
CifarFormat cifar100_format();
Splits open_cifar(const CifarFormat& format, const std::string& dir);

// IDX (http://yann.lecun.com/exdb/mnist/), plain or gzip: {train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz], and
// EMNIST's {emnist-letters-train,emnist-letters-test}-... . Empty dir: the folder of Debian's package
// dataset-fashion-mnist. EMNIST's images, which are stored column by column, are turned upright. Mean and std are those
// of the training images.
Splits open_idx(const std::string& name, const std::string& dir);
std::vector<std::string> idx_datasets();  // the names
// Name of the set whose files are in the folder; empty: none. BadInput if their names fit several sets.
std::string idx_set_in(const std::string& dir);

// FILE.skein: safetensors with {train,test}.{images,labels} and metadata format, version, classes, mean, std (JSON).
Splits open_packed(const std::string& path);
bool is_packed(const std::string& path);  // by its metadata
void write_packed(const std::string& path, const Splits& splits);

// Image files in folders (data/formats/folders/image_layout.h); classes and files in the order of their names. Mean and
// std are those of the training images. One channel if every image is grey, else RGB. Of the options: resize, val_split
// and val_seed.
Splits open_image_folder(const std::string& dir, const DatasetOptions& options);

// options.dir: a shard folder, or image files in {train,val}/CLASS/, which get ImageNet's mean and std.
Splits open_imagenet(const DatasetOptions& options);
constexpr float kImagenetMean[] = {0.485f, 0.456f, 0.406f}, kImagenetStd[] = {0.229f, 0.224f, 0.225f};

// Computes mean and std per channel, of pixels scaled to [0,1].
void set_statistics(Dataset& dataset);

Splits make_synthetic(const SyntheticOptions& options, uint64_t seed);

}  // namespace skein
