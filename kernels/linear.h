// Fully connected layer: x (N,I), w (O,I), b (O), y (N,O), all f32; outputs are overwritten.
//
//   y = x w^T + b      dx = dy w      dw = dy^T x      db = sum over rows of dy
//
// Flops: 2*N*I*O each. Bytes: each operand is moved once.
#pragma once

#include "kernels/kernel.h"

namespace skein {

using LinearForward = void(Stream, View x, View w, View b, View y);
using LinearBackwardData = void(Stream, View dy, View w, View dx);
using LinearBackwardWeights = void(Stream, View x, View dy, View dw, View db);

namespace kernel {
inline Cost linear_forward_cost(View x, View w, View b, View y) {
  return {.bytes = each_once(x, w, b, y).bytes, .flops = 2.0 * double(x.numel()) * double(w.rows())};
}
inline Cost linear_backward_data_cost(View dy, View w, View dx) {
  return {.bytes = each_once(dy, w, dx).bytes, .flops = 2.0 * double(dy.numel()) * double(w.channels())};
}
inline Cost linear_backward_weights_cost(View x, View dy, View dw, View db) {
  return {.bytes = each_once(x, dy, dw, db).bytes, .flops = 2.0 * double(x.numel()) * double(dy.channels())};
}
}  // namespace kernel

SKEIN_KERNEL(linear_forward, LinearForward, linear_forward_cost);
SKEIN_KERNEL(linear_backward_data, LinearBackwardData, linear_backward_data_cost);
SKEIN_KERNEL(linear_backward_weights, LinearBackwardWeights, linear_backward_weights_cost);

}  // namespace skein
