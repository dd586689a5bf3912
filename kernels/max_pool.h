// Max pool 3x3, stride 2, padding 1 (the stem of He et al. 2015): x (N,H,W,C) -> y (N,H',W',C), H' = (H - 1)/2 + 1.
//
//   y[n,h,w,c]       = max over taps t = 3i+j of x[n, 2h+i-1, 2w+j-1, c], taps outside the image left out
//   indices[n,h,w,c] = the first t that has the maximum; a NaN in the window is the maximum
//   dx[n,a,b,c]      = sum of dy[n,h,w,c] over the windows whose index points at (a,b)
//
// x, y, dy and dx are f32, or all of them bf16. indices is u8, shaped like y, written by the forward pass for the
// backward pass. Bytes: each operand is moved once.
#pragma once

#include "kernels/kernel.h"

namespace skein {

using MaxPoolForward = void(Stream, View x, View y, View indices /*absent: not saved*/);
using MaxPoolBackward = void(Stream, View dy, View indices, View dx);

constexpr int64_t max_pooled(int64_t size) { return (size - 1) / 2 + 1; }

SKEIN_KERNEL(max_pool_forward, MaxPoolForward, each_once);
SKEIN_KERNEL(max_pool_backward, MaxPoolBackward, each_once);

}  // namespace skein
