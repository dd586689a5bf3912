// The part of an image that becomes a sample, as torchvision defines it.
//   training    RandomResizedCrop: area a in [0.08, 1] of the image's, aspect ratio exp(u), u in [log 3/4, log 4/3];
//               w = round(sqrt(area a e^u)), h = round(sqrt(area a / e^u)); up to ten tries until it fits, then the
//               largest centred part of a permitted ratio. Then a flip with p = 1/2.
//   evaluation  Resize(8/7 N) of the shorter side, CenterCrop(N): 256 and 224, and in proportion for other N.
// Random words: random_words(seed, Purpose::augment, epoch, sample, index). Index 0: the top bit of word 0 is the flip.
// Index t = 1 .. 10: words for area, ratio, top and left of try t. They depend on the sample, not on worker or thread.
#pragma once

#include "data/image/image_decoder.h"

namespace skein {

Crop random_resized_crop(ImageSize image, uint64_t seed, int64_t epoch, int64_t sample);
Crop centre_crop(ImageSize image, int64_t size);
Crop whole_image(ImageSize image);

}  // namespace skein
