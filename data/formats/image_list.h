// List of the files of an image folder, by split, sorted by class and name (data/formats/folders/image_layout.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace skein {

struct ListedImage {
  std::string path;
  int32_t label;
};

struct ImageList {
  std::string name;  // of the folder
  std::vector<std::string> classes, notes;
  std::vector<ListedImage> train, test;
};

// BadInput if a split or a class is missing or empty.
ImageList list_image_folder(const std::string& dir, const DatasetOptions& options);

}  // namespace skein
