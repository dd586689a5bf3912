// Fully connected layer: x (N,I), w (O,I), b (O), y (N,O), f32; outputs are overwritten.
//
//   y = x w^T + b      dx = dy w      dw = dy^T x      db = sum over rows of dy
#pragma once

#include "kernels/view.h"

namespace skein {

using LinearForward = void(Stream, View x, View w, View b, View y);
using LinearBackwardData = void(Stream, View dy, View w, View dx);
using LinearBackwardWeights = void(Stream, View x, View dy, View dw, View db);

namespace cpu {
LinearForward linear_forward;
LinearBackwardData linear_backward_data;
LinearBackwardWeights linear_backward_weights;
}  // namespace cpu
namespace cuda {
LinearForward linear_forward;
LinearBackwardData linear_backward_data;
LinearBackwardWeights linear_backward_weights;
}  // namespace cuda

}  // namespace skein
