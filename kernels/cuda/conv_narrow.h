// 3x3 convolutions of stride 1 and padding 1 with few channels, which are memory bound: skein's own tensor-core
// kernels. Formulas and shapes: kernels/conv.h. Operands are bf16 and sums f32; the weight gradient is f32 and never
// rounded to bf16. Deterministic.
#pragma once

#include "kernels/conv_plan.h"

namespace skein::cuda {

// Supported: input and output channels multiples of 4, the smaller one at most 64, compute capability 8.0 or later.
bool conv_narrow_suits(const ConvProblem&, int compute_major);

// Computes the problem's pass. forward: x, w -> y; backward_data: y (dy), w -> x (dx); backward_weights: x, y (dy) -> w
// (dw, f32). All operands must be 16-byte aligned.
void conv_narrow(Stream, const ConvProblem&, View x, View w, View y);

}  // namespace skein::cuda
