// A labelled set of images and the normalisation of its pixels. A Dataset is a value; copies share the memory behind
// the views. `images` is one of two:
//   View          pixels in host memory, u8 (N,H,W,C), RGB order, C = 1 or 3, as stored: not augmented, not normalised.
//                 make_resident() adds a copy in the memory of a GPU.
//   EncodedSet    image files, decoded when a batch needs them (data/formats/encoded_images.h).
// `labels` i32 (1,1,1,N), each in [0, classes.size()); mean and std per channel, of pixels scaled to [0,1].
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "engine/tensor.h"
#include "kernels/view.h"

namespace skein {

class EncodedImages;

// Copies of images and labels in the memory of a GPU.
struct ResidentImages {
  Tensor images, labels;
};

struct EncodedSet {
  std::shared_ptr<const EncodedImages> files;
  int64_t dims[4];  // (N,H,W,3), with the height and width that an image has in a batch
};

struct Dataset {
  std::string name;
  std::variant<View, EncodedSet> images;
  View labels;
  std::vector<std::string> classes;
  float mean[4] = {0, 0, 0, 0};
  float std[4] = {1, 1, 1, 1};
  std::shared_ptr<const void> storage;             // owner of the memory that images and labels point to
  std::shared_ptr<const ResidentImages> resident;  // null unless make_resident() was called

  bool is_encoded() const { return std::holds_alternative<EncodedSet>(images); }
  bool is_resident() const { return resident != nullptr; }
  const View& pixels() const { return std::get<View>(images); }  // in memory only
  const EncodedImages& encoded() const { return *std::get<EncodedSet>(images).files; }

  const int64_t* dims() const { return is_encoded() ? std::get<EncodedSet>(images).dims : pixels().dims; }
  int64_t size() const { return dims()[0]; }
  int64_t height() const { return dims()[1]; }
  int64_t width() const { return dims()[2]; }
  int64_t channels() const { return dims()[3]; }
  const int32_t* label() const { return labels.as<const int32_t>(); }
};

// Training and test set; both have the same classes, normalisation and image size.
struct Splits {
  Dataset train, test;
  std::vector<std::string> notes = {};  // lines for the user: which files of an image folder are left out, and why
};

struct SyntheticOptions {
  int64_t train = 2048, test = 512;
  int64_t size = 32, channels = 3, classes = 10;
};

struct DatasetOptions {
  std::string dir = {};      // --data-dir; empty: the default folder of the dataset
  uint64_t seed = 0;         // synthetic images
  int64_t resize = 0;        // image folders: side of the scaled centre square; 0: all images must have one size
  int64_t crop = 224;        // encoded images: height and width of an image in a batch
  int64_t bad_images = 100;  // encoded images: largest permitted number of damaged images
  SyntheticOptions synthetic = {};
  double val_split = 0;   // image folders: part of each class that is the test set; 0: there is a folder val or test
  uint64_t val_seed = 0;  // of the draw of that part
};

// Opens a name of known_datasets(), a packed FILE.skein, a shard folder, or an image folder
// (data/formats/folders/image_layout.h). BadInput names the file, the position in it and the fix.
Splits open_dataset(const std::string& name_or_path, const DatasetOptions& options = {});

std::vector<std::string> known_datasets();
// Whether the default folder of a known dataset is the current one.
bool is_in_current_folder(const std::string& name);

// Copies images and labels into the memory of the current GPU. RunFailed if they do not fit. No effect on encoded
// images.
void make_resident(Dataset&);

}  // namespace skein
