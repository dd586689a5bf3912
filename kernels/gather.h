// out[i] = from[index[i]], for labels: from i32 (N), index i32 (B) with values in [0, N), out i32 (B). 12 bytes a
// number.
#pragma once

#include "kernels/view.h"

namespace skein {

using Gather = void(Stream, View from, View index, View out);

namespace cpu {
Gather gather;
}
namespace cuda {
Gather gather;
}

}  // namespace skein
