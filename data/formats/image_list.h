// List of the files of an image folder DIR/{train,test|val}/CLASS/*.{jpg,jpeg,png}, sorted by class and name. Labels
// number the classes in the order of their names.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace skein {

struct ListedImage {
  std::string path;
  int32_t label;
};

struct ImageList {
  std::string name;  // of the folder
  std::vector<std::string> classes;
  std::vector<ListedImage> train, test;
};

// BadInput if a split or a class is missing or empty.
ImageList list_image_folder(const std::string& dir);

bool has_image_extension(const std::string& path);

}  // namespace skein
