// Names of the files of a source: which are images, and the folders they are in. Used by image_layout.cpp.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "data/formats/folders/image_source.h"
#include "data/formats/folders/left_out.h"

namespace skein {

using Parts = std::vector<std::string_view>;  // components of a path
enum class Split { other, train, val, test };

constexpr const char* kImageTypes = "JPEG, PNG, WebP or BMP";

bool is_hidden(std::string_view component);
Parts split_path(std::string_view path);
// The first n components of the path, all of them folders, each followed by "/".
std::string_view head(std::string_view path, const Parts& parts, size_t n);
Split split_of(std::string_view folder);  // by its name, in any case

struct Candidate {
  uint32_t entry;
  uint32_t depth;  // components of its path, of which the last is the file
};

// A folder with the images of one split: class folders below `root`, and images directly in it.
struct SplitFolder {
  std::string root;  // with "/" at the end
  std::vector<Candidate> in_classes, loose;
  size_t depth() const { return size_t(std::count(root.begin(), root.end(), '/')); }
};

class SourceTree {
 public:
  // Leaves out what is no image, is hidden, or cannot be read.
  SourceTree(const ImageSource& source, LeftOut& left_out);

  const std::vector<Candidate>& images() const { return images_; }
  const std::string& path(Candidate c) const { return source_.entries[c.entry].path; }
  Parts parts(Candidate c) const { return split_path(path(c)); }
  std::string place(std::string_view folder) const;  // for messages

  std::vector<std::string> class_folders(const SplitFolder& split) const;  // sorted by their bytes
  // BadInput unless each class folder has images, and not only in several folders within it: it is no class then.
  void check_classes(const SplitFolder& split, const std::vector<std::string>& classes) const;

 private:
  bool leave_out_folder(const SourceEntry& e, const Parts& p, std::set<std::string_view>& counted, LeftOut& left_out);
  void add_folders(std::string_view path, const Parts& p, size_t n);

  const ImageSource& source_;
  std::vector<Candidate> images_;
  std::set<std::string, std::less<>> folders_;  // each with "/" at the end; not hidden ones and the like
};

}  // namespace skein
