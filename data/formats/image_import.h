// Import of a folder or a tar archive of images into shards (data/formats/shards.h). Every image is decoded once, so
// that damaged ones are found at import. Image files are stored unchanged, byte for byte, unless --short-side asks for
// smaller images.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "data/formats/folders/image_layout.h"
#include "data/formats/formats.h"

namespace skein {

struct ImportOptions {
  int64_t short_side = 0;  // larger images are scaled down to this short side and encoded again; 0: never
  int quality = 90;        // JPEG quality of images that are encoded again
  int64_t shard_bytes = 512 << 20;
  int64_t bad_images = 100;  // more damaged images are a BadInput
  LayoutOptions layout = {};
  std::vector<float> mean{std::begin(kImagenetMean), std::end(kImagenetMean)};
  std::vector<float> std{std::begin(kImagenetStd), std::end(kImagenetStd)};
};

struct ImportReport {
  int64_t train = 0, test = 0, classes = 0, encoded_again = 0;
  std::vector<std::string> notes;                        // lines for the user, on files that were left out by name
  std::vector<std::pair<std::string, std::string>> bad;  // place and reason of each damaged image, which was left out
};

// `from`: a folder, or an archive of one, in a layout of data/formats/folders/image_layout.h. Writes the folder
// out.partial, which the caller renames. BadInput if the images cannot be used as a dataset, RunFailed if the folder
// cannot be written.
ImportReport import_images(const std::string& from, const std::string& out, const ImportOptions& options);

// Reads and decodes all images of an encoded dataset on all threads and reports the damaged ones on stderr. Returns
// their number; 0 if the images are not encoded.
int64_t count_bad_images(const Dataset& dataset);

}  // namespace skein
