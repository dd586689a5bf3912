// Convolutions 3x3 of stride 1 that are bound by memory, by kernels of skein's own on the tensor cores: few channels on
// one side at least, bf16 with sums in f32. Formulas and shapes are those of kernels/conv.h; the weight gradient is f32
// and is never rounded to bf16. The same bits every time.
#pragma once

#include "kernels/conv_plan.h"

namespace skein::cuda {

// Both numbers of channels are multiples of 4 and one is at most 64; from compute capability 8.0 on.
bool conv_narrow_suits(const ConvProblem&, int compute_major);

// x, w -> y; y and w -> x; x and y -> w, each where the problem's pass has it. All are 16-byte aligned.
void conv_narrow(Stream, const ConvProblem&, View x, View w, View y);

}  // namespace skein::cuda
