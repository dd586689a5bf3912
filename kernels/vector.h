// Element-wise work on dense views, f32:  fill  x = a   axpy  y = y + a*x   add  z = x + y   scale  x = a*x   sub  z =
// x - y and ReLU:  y = max(x, 0),  dx = y > 0 ? dy : 0.
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
