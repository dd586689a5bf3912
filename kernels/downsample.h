// The parameter-free shortcut (option A of He et al. 2015): every stride-th pixel, and zeros for the new channels.
//
//   y[n,h,w,c]  = x[n, h*s, w*s, c]     for c < C, else 0
//   dx[n,a,b,c] = dy[n, a/s, b/s, c]    where s divides a and b, else 0
//
// x (N,H,W,C) -> y (N,ceil(H/s),ceil(W/s),O), O >= C; f32, on CUDA all may be bf16.
#pragma once

#include "kernels/view.h"

namespace skein {

using DownsampleForward = void(Stream, View x, int64_t stride, View y);
using DownsampleBackward = void(Stream, View dy, int64_t stride, View dx);

namespace cpu {
DownsampleForward downsample_forward;
DownsampleBackward downsample_backward;
}  // namespace cpu
namespace cuda {
DownsampleForward downsample_forward;
DownsampleBackward downsample_backward;
}  // namespace cuda

}  // namespace skein
