// Convolutions 3x3 of stride 1 that are bound by memory, on the tensor cores: few channels on at least one side, bf16
// with sums in f32. Formulas, shapes and cost are those of kernels/conv.h; the weight gradient is f32 and is never
// rounded to bf16. Every run has the same bits.
#pragma once

#include "kernels/device/conv_plan.h"

namespace skein::cuda {

// Supported: input and output channels multiples of 4, the smaller one at most 64, compute capability 8.0 or later.
bool conv_narrow_suits(const ConvProblem&, int compute_major);

// Forward: x, w -> y. Backward data: y, w -> x. Backward weights: x, y -> w. All are 16-byte aligned.
using ConvNarrow = void(Stream, const ConvProblem&, View x, View w, View y);
ConvNarrow conv_narrow;

}  // namespace skein::cuda
