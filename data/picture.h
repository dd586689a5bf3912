// Pictures for people to look at: images of a dataset as bytes, and as PNG files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace skein {

struct Picture {
  int64_t height = 0, width = 0, channels = 0;  // channels: 1 or 3
  std::vector<uint8_t> pixels;                  // (height, width, channels)
};

// Image i as it is evaluated: cut out, not augmented. Made smaller by a whole factor until no side is longer than
// `longest`. BadImage if an encoded image cannot be decoded.
Picture picture_of(const Dataset& dataset, int64_t i, int64_t longest);

// The first images of a batch (n,H,W,C), f32 and normalised by the dataset's mean and deviation, on the host.
std::vector<Picture> pictures_of(const Tensor& images, const Dataset& dataset, int64_t most);

// Pictures of one size side by side in rows, `across` in each, with one black pixel between them.
Picture contact_sheet(const std::vector<Picture>& pictures, int64_t across);

// A PNG file. Empty where this build lacks libspng. RunFailed if encoding fails.
std::string to_png(const Picture& picture);

}  // namespace skein
