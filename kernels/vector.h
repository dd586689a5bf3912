// Element-wise work on dense views of one shape:
//
//   fill   x = a        axpy   y = y + a*x        add   z = x + y        sub   z = x - y        scale   x = a*x
//   ema    y = decay*y + (1 - decay)*x, factors computed in double
//   relu   y = x < 0 ? 0 : x (a NaN passes),  dx = y > 0 ? dy : 0
//
// f32, or all operands bf16, computed in f32 and rounded once. Results may be operands.
// Bytes: each operand is moved once; y of axpy and ema and x of scale twice, read and written.
#pragma once

#include "kernels/kernel.h"

namespace skein {

using Fill = void(Stream, float a, View x);
using Axpy = void(Stream, float a, View x, View y);
using Add = void(Stream, View x, View y, View z);
using Sub = void(Stream, View x, View y, View z);
using Scale = void(Stream, float a, View x);
using Ema = void(Stream, double decay, View x, View y);
using ReluForward = void(Stream, View x, View y);
using ReluBackward = void(Stream, View y, View dy, View dx);

namespace kernel {
inline Cost axpy_cost(float, View x, View y) { return {bytes_of(x) + 2 * bytes_of(y)}; }
inline Cost ema_cost(double, View x, View y) { return {bytes_of(x) + 2 * bytes_of(y)}; }
inline Cost scale_cost(float, View x) { return {2 * bytes_of(x)}; }
}  // namespace kernel

SKEIN_KERNEL(fill, Fill, each_once);
SKEIN_KERNEL(axpy, Axpy, axpy_cost, "add");
SKEIN_KERNEL(add, Add, each_once);
SKEIN_KERNEL(sub, Sub, each_once);
SKEIN_KERNEL(scale, Scale, scale_cost);
SKEIN_KERNEL(ema, Ema, ema_cost);
SKEIN_KERNEL(relu_forward, ReluForward, each_once);
SKEIN_KERNEL(relu_backward, ReluBackward, each_once);

}  // namespace skein
