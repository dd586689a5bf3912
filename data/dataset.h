// A labelled set of small images in host memory, as stored: bytes, not yet augmented or normalised.
// images u8 (N,H,W,C), RGB order, C = 1 or 3; labels i32 (1,1,1,N), each in [0, classes.size()); mean and std per
// channel, of pixels scaled to [0,1]. A Dataset is a value; copies share the storage behind the views.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/tensor.h"
#include "kernels/view.h"

namespace skein {

class EncodedImages;

struct ResidentImages {
  Tensor images, labels;
};

struct Dataset {
  std::string name;
  View images;
  View labels;
  std::vector<std::string> classes;
  float mean[4] = {0, 0, 0, 0};
  float std[4] = {1, 1, 1, 1};
  std::shared_ptr<const void> storage;
  std::shared_ptr<const ResidentImages> resident;  // copies in a GPU's memory, where batches are made there
  // Set where the images are JPEG files, decoded when a batch needs them; images has no data then, but the shape.
  std::shared_ptr<const EncodedImages> encoded;

  int64_t size() const { return images.dims[0]; }
  int64_t height() const { return images.dims[1]; }
  int64_t width() const { return images.dims[2]; }
  int64_t channels() const { return images.dims[3]; }
  const int32_t* label() const { return labels.as<const int32_t>(); }
};

struct Splits {
  Dataset train, test;
};

struct SyntheticOptions {
  int64_t train = 2048, test = 512;
  int64_t size = 32, channels = 3, classes = 10;
};

struct DatasetOptions {
  std::string dir = {};      // --data-dir; empty: the default place of the dataset
  uint64_t seed = 0;         // of synthetic images
  int64_t resize = 0;        // image folders: centre square scaled to this size; 0: all images must have one size
  int64_t crop = 224;        // of encoded images: height and width of what a batch gets
  int64_t bad_images = 100;  // of encoded images: this many may be damaged
  SyntheticOptions synthetic = {};
};

// A name of known_datasets(), a packed FILE.skein, a shard folder, or a folder DIR/{train,test}/CLASS/*.{jpg,jpeg,png}.
// Anything wrong with the files is a BadInput that says which file, where in it, and what to do.
Splits open_dataset(const std::string& name_or_path, const DatasetOptions& options = {});

std::vector<std::string> known_datasets();

// Copies images and labels into the memory of the current GPU. RunFailed where they do not fit. Encoded images stay.
void make_resident(Dataset&);

}  // namespace skein
