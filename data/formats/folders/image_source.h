// Files of a folder or an archive: their names first, then the contents of those that are wanted. Names decide what
// becomes of a file (data/formats/folders/image_layout.h) before any content is read. Implementations:
//   folder_source.cpp    a folder; links are followed, except to folders that contain them
//   archive_source.cpp   tar, plain or compressed (.gz, .bz2, .xz, .zst), and zip, with libarchive; an archive is read
//                        twice, and links within it stand for the files that they name (no_archive.cpp without the
//                        library)
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/image/limits.h"

namespace skein {

struct SourceEntry {
  std::string path;  // within the source, without "." and a leading "/"
  bool folder = false;
  int64_t bytes = 0;
  std::string unusable = {};  // why the contents cannot be had, such as "a link to nothing"; empty: they can
};

class ImageSource {
 public:
  virtual ~ImageSource() = default;
  // Contents of the next file that has wanted[entry], in a fixed order. False: there is none. BadInput names the file
  // and the fix if the source is damaged; `reason` is that of a single file which cannot be read, else empty.
  virtual bool next(const std::vector<bool>& wanted, size_t& entry, std::vector<uint8_t>& bytes,
                    std::string& reason) = 0;

  std::string name;                  // path of the folder or archive
  std::vector<SourceEntry> entries;  // folder: sorted by the bytes of their names; archive: in its order
  std::map<std::string, std::string>
      labels;         // contents of files that may say labels (data/formats/folders/label_file.h), by path
  int64_t bytes = 0;  // of all images
};

// BadInput names the folder or archive and the fix.
std::unique_ptr<ImageSource> open_image_source(const std::string& path);
std::unique_ptr<ImageSource> open_folder_source(const std::string& dir);
std::unique_ptr<ImageSource> open_archive_source(const std::string& path);

// By the extension: .jpg .jpeg .jpe .jfif .png .webp .bmp, in any case.
bool has_image_extension(const std::string& path);

}  // namespace skein
