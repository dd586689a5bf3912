// Fingerprint of a dataset, by which ranks detect that they have opened different ones.
#pragma once

#include "data/dataset.h"

namespace skein {

// FNV-1a hash, 64 bits, of the sizes, classes, normalisation, all labels and 64 of the images. It does not read all
// images, so that a large dataset opens fast.
uint64_t fingerprint(const Dataset&);

}  // namespace skein
