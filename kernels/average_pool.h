// Average pool 2x2, stride 2: x (N,H,W,C) -> y (N,H/2,W/2,C); the last row or column of an odd size is left out.
//
//   y[n,h,w,c]  = (x[n,2h,2w,c] + x[n,2h,2w+1,c] + x[n,2h+1,2w,c] + x[n,2h+1,2w+1,c]) / 4
//   dx[n,a,b,c] = dy[n,a/2,b/2,c] / 4, 0 where left out
//
// f32, or all operands bf16, computed in f32. Bytes: each operand is moved once.
#pragma once

#include "kernels/kernel.h"

namespace skein {

using AveragePoolForward = void(Stream, View x, View y);
using AveragePoolBackward = void(Stream, View dy, View dx);

SKEIN_KERNEL(average_pool_forward, AveragePoolForward, each_once);
SKEIN_KERNEL(average_pool_backward, AveragePoolBackward, each_once);

}  // namespace skein
