// Draw of a test set from the training images, by name (--val-split).
#pragma once

#include "data/formats/folders/image_layout.h"

namespace skein {

// Stratified: moves the same part of each class to the test set, at least one image of two or more, at most all but
// one. `classes`: names as bytes. The draw is a function of the seed and of CLASS/FILE of the images of the class, so
// an archive and a folder give the same sets.
void draw_test_set(const ImageSource& source, const std::vector<std::string>& classes, double part, uint64_t seed,
                   std::vector<PlacedImage>& images);

}  // namespace skein
