// Labels of a batch: out[i] = from[index[i]]. from (N), index (B) with values in [0, N) and out (B), all i32.
// Bytes: 12 per number of out.
#pragma once

#include "kernels/kernel.h"

namespace skein {

using Gather = void(Stream, View from, View index, View out);

namespace kernel {
inline Cost gather_cost(View, View index, View out) { return {bytes_of(index) + 2 * bytes_of(out)}; }
}  // namespace kernel

SKEIN_KERNEL(gather, Gather, gather_cost);

}  // namespace skein
