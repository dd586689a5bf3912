// A number by which two machines notice that they do not have the same dataset.
#pragma once

#include "data/dataset.h"

namespace skein {

// Of sizes, classes, normalisation, all labels and a sample of the images: a large set must not be read for it.
uint64_t fingerprint(const Dataset&);

}  // namespace skein
