// From a folder or a tar archive of pictures to shards (data/formats/shards.h). Every image is decoded once, so that what is
// damaged is found now; images are kept as they are, byte for byte, unless they are to be smaller.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "data/formats/formats.h"

namespace skein {

struct ImportOptions {
  int64_t short_side = 0;  // larger images are scaled down to it and encoded again; 0: kept as they are
  int quality = 90;        // of JPEG, where that is done
  int64_t shard_bytes = 512 << 20;
  int64_t bad_images = 100;    // more are a BadInput
  bool test_on_train = false;  // the set has no test images: it is tested on those that it is trained on
  std::vector<float> mean{std::begin(kImagenetMean), std::end(kImagenetMean)};
  std::vector<float> std{std::begin(kImagenetStd), std::end(kImagenetStd)};
};

struct ImportReport {
  int64_t train = 0, test = 0, classes = 0, encoded_again = 0;
  std::vector<std::pair<std::string, std::string>> bad;  // place and reason of what was left out
};

// `from`: DIR/{train,val|test}/CLASS/*.{jpg,jpeg,png} or a .tar of that, in which the folders may lie in others; where
// neither train nor val is named, all are training images. Writes the folder out.partial, for the caller to rename.
ImportReport import_images(const std::string& from, const std::string& out, const ImportOptions& options);

// Reads and decodes all images of an encoded set, on all threads, and names on stderr what is wrong with them. Returns
// how many are bad; 0 where the images are not encoded.
int64_t count_bad_images(const Dataset& dataset);

}  // namespace skein
