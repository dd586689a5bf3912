// Global average pool: x (N,H,W,C) -> y (N,1,1,C),  y[n,c] = mean_{h,w} x[n,h,w,c],  dx[n,h,w,c] = dy[n,c]/(H*W).
// y and dy are f32; x and dx too, or bf16 on CUDA.
#pragma once

#include "kernels/view.h"

namespace skein {

using GlobalPoolForward = void(Stream, View x, View y);
using GlobalPoolBackward = void(Stream, View dy, View dx);

namespace cpu {
GlobalPoolForward global_pool_forward;
GlobalPoolBackward global_pool_backward;
}  // namespace cpu
namespace cuda {
GlobalPoolForward global_pool_forward;
GlobalPoolBackward global_pool_backward;
}  // namespace cuda

}  // namespace skein
