// Image files that a command line names, one by one or by folders.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace skein {

struct FoundImages {
  std::vector<std::string> files;
  int64_t other_files = 0;  // in folders, without an image's extension; hidden entries do not count
};

// A file stands for itself, whatever its name. A folder stands for all files below it with an image's extension, in the
// order of their names; hidden entries and __MACOSX are left out, links are followed, and a folder that links reach
// again is read once. BadInput for a folder that cannot be read or has no image.
FoundImages find_images(const std::vector<std::string>& paths);

}  // namespace skein
