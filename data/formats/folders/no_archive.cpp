// Without libarchive: archives are refused.
#include "base/check.h"
#include "data/formats/folders/image_source.h"

namespace skein {

std::unique_ptr<ImageSource> open_archive_source(const std::string& path) {
  throw BadInput(
      "{}: this program was built without libarchive. Unpack the archive and give the folder, or install "
      "libarchive-dev and build again",
      path);
}

}  // namespace skein
