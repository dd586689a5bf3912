// Conversions between f32 and bf16, the upper half of an f32: rounded to nearest, ties to even; a NaN stays a NaN.
//
//   cast        to = from, of the other type and the same shape                     6 bytes per number
//   mean_bf16   mean = bf16(scale * ((part0 + part1) + ...)), summed in f32 in the order of the rows:
//               parts (k, n) and mean (n), both bf16                                2(k+1) bytes per number of mean
#pragma once

#include "kernels/kernel.h"

namespace skein {

using Cast = void(Stream, View from, View to);
using MeanBf16 = void(Stream, float scale, View parts, View mean);

SKEIN_KERNEL(cast, Cast, each_once);
SKEIN_KERNEL(mean_bf16, MeanBf16, each_once);

}  // namespace skein
