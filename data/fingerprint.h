// Fingerprint of a dataset, by which ranks detect that they have opened different ones.
#pragma once

#include "data/dataset.h"

namespace skein {

// Hash of the sizes, classes, normalisation and all labels, of 64 images as a whole and, where the images are in
// memory, of 64 bytes of every other one. It does not read all bytes, so that a large dataset opens fast: exchanged
// labels, and pictures exchanged in memory, are seen; of encoded images only those at the 64 places.
uint64_t fingerprint(const Dataset&);

}  // namespace skein
