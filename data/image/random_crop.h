// Which part of an image becomes a sample, as torchvision defines it.
//   training    RandomResizedCrop: area a in [0.08, 1] of the image's, aspect ratio exp(u), u in [log 3/4, log 4/3];
//               w = round(sqrt(area a e^u)), h = round(sqrt(area a / e^u)); ten tries until it fits, then the largest
//               centred piece of a permitted ratio. Then a flip with p = 1/2.
//   evaluation  Resize(8/7 N) of the shorter side, CenterCrop(N): of 256 and 224 and the same for other N.
// Words of random_words(seed, Purpose::augment, epoch, sample, index): 0: flip = top bit of word 0; try t = 1 .. 10:
// area, ratio, top, left. They depend on the sample alone, not on its place, the worker or the thread.
#pragma once

#include "data/image/image_decoder.h"

namespace skein {

Crop random_resized_crop(ImageSize image, uint64_t seed, int64_t epoch, int64_t sample);
Crop centre_crop(ImageSize image, int64_t size);
Crop whole_image(ImageSize image);

}  // namespace skein
