// The use of each file of a folder or an archive: training or test set and class, or left out for a reason. A pure
// function of the names (and of a file of labels), the same on every machine: classes are numbered in the order of the
// bytes of their names. Layouts:
//   [.../]{train, val, test}/CLASS/FILE   split folders, in any case; also training, valid, validation and testing. The
//                                         set to test on is val or, without it, test. A folder that contains only a
//                                         folder of its own name stands for it.
//   [.../]CLASS/FILE                      no split folders: --val-split draws the test set, or there is none
//   train/CLASS/FILE, val/FILE            val without class folders, with a file of labels (data/formats/folders/label_file.h)
// A file in a folder within a class folder belongs to that class. Left out, counted by reason: hidden files and folders
// (.NAME, __MACOSX), other types of files, folders that are named like an image, split folders that are not used,
// folders without labels.
#pragma once

#include <string>
#include <vector>

#include "data/formats/folders/image_source.h"
#include "data/formats/folders/left_out.h"

namespace skein {

struct LayoutOptions {
  double val_split = 0;        // part of each class that becomes the test set; 0: the source has one
  uint64_t val_seed = 0;       // of the draw; it depends on the names in the class as well, on nothing else
  bool test_on_train = false;  // permits a set without test images
};

struct PlacedImage {
  uint32_t entry;  // of the source
  int32_t label;
  uint32_t name;  // position in the entry's path of what follows CLASS/
  bool test;
};

struct ImageLayout {
  std::vector<std::string> classes;  // sorted, as printable text
  std::vector<PlacedImage> images;   // in the order of the entries
  LeftOut left_out;
  std::vector<std::string> notes;  // what else the user should read
};

// BadInput names the folder and the fix: there is no training or no test set, a class has no image, a class is in the
// test set only, two folders could be the same split.
ImageLayout lay_out(const ImageSource& source, const LayoutOptions& options);

// Lines for the user: what is left out, then the notes.
std::vector<std::string> notes_of(const ImageLayout& layout);

}  // namespace skein
