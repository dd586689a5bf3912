// Average pool 2x2, stride 2: x (N,H,W,C) -> y (N,H/2,W/2,C); the last row or column of an odd size is left out.
//
//   y[n,h,w,c]  = (x[n,2h,2w,c] + x[n,2h,2w+1,c] + x[n,2h+1,2w,c] + x[n,2h+1,2w+1,c]) / 4
//   dx[n,a,b,c] = dy[n,a/2,b/2,c] / 4, 0 where left out
//
// Both move 4 bytes for every number of x and of y.
#pragma once

#include "kernels/view.h"

namespace skein {

using AveragePoolForward = void(Stream, View x, View y);
using AveragePoolBackward = void(Stream, View dy, View dx);

namespace cpu {
AveragePoolForward average_pool_forward;
AveragePoolBackward average_pool_backward;
}  // namespace cpu
namespace cuda {
AveragePoolForward average_pool_forward;
AveragePoolBackward average_pool_backward;
}  // namespace cuda

}  // namespace skein
