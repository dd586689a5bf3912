// Between f32 and bf16, the upper half of an f32: rounded to nearest, ties to even; a NaN stays one.
#pragma once

#include "kernels/view.h"

namespace skein {

using Cast = void(Stream, View from, View to);  // 6 bytes per number; between equal types a copy is meant instead
// mean = bf16(scale * ((part0 + part1) + ...)), summed in f32 in the order of the rows: parts (k, n), mean (n), bf16.
using MeanBf16 = void(Stream, float scale, View parts, View mean);

namespace cpu {
Cast cast;
MeanBf16 mean_bf16;
}  // namespace cpu
namespace cuda {
Cast cast;
MeanBf16 mean_bf16;
}  // namespace cuda

}  // namespace skein
