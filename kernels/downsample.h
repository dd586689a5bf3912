// The parameter-free shortcut (option A of He et al. 2015): every s-th pixel, and zeros for the new channels.
//
//   y[n,h,w,c]  = x[n, h*s, w*s, c] for c < C, else 0
//   dx[n,a,b,c] = dy[n, a/s, b/s, c] where s divides a and b, else 0
//
// x (N,H,W,C) -> y (N,ceil(H/s),ceil(W/s),O), O >= C; f32, or both bf16.
// Bytes: the numbers of x that y keeps (of dy, those that x has) are read, the result is written.
#pragma once

#include "kernels/kernel.h"

namespace skein {

using DownsampleForward = void(Stream, View x, int64_t stride, View y);
using DownsampleBackward = void(Stream, View dy, int64_t stride, View dx);

namespace kernel {
inline Cost downsample_forward_cost(View x, int64_t, View y) {
  return {bytes_of(y) + double(y.rows() * x.channels()) * double(size_of(x.dtype))};
}
inline Cost downsample_backward_cost(View dy, int64_t, View dx) {
  return {bytes_of(dx) + double(dy.rows() * dx.channels()) * double(size_of(dy.dtype))};
}
}  // namespace kernel

SKEIN_KERNEL(downsample_forward, DownsampleForward, downsample_forward_cost);
SKEIN_KERNEL(downsample_backward, DownsampleBackward, downsample_backward_cost);

}  // namespace skein
