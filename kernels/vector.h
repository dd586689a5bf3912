// Element-wise work on dense views:  fill  x = a   axpy  y = y + a*x   add  z = x + y   sub  z = x - y   scale  x = a*x
// and ReLU:  y = x < 0 ? 0 : x (a NaN passes),  dx = y > 0 ? dy : 0.
//
// f32; on CUDA all operands may be bf16, computed in f32 and rounded once. Results may be operands.
#pragma once

#include "kernels/view.h"

namespace skein {

using Fill = void(Stream, float a, View x);
using Axpy = void(Stream, float a, View x, View y);
using Add = void(Stream, View x, View y, View z);
using Sub = void(Stream, View x, View y, View z);
using Scale = void(Stream, float a, View x);
using ReluForward = void(Stream, View x, View y);
using ReluBackward = void(Stream, View y, View dy, View dx);

namespace cpu {
Fill fill;
Axpy axpy;
Add add;
Sub sub;
Scale scale;
ReluForward relu_forward;
ReluBackward relu_backward;
}  // namespace cpu
namespace cuda {
Fill fill;
Axpy axpy;
Add add;
Sub sub;
Scale scale;
ReluForward relu_forward;
ReluBackward relu_backward;
}  // namespace cuda

}  // namespace skein
