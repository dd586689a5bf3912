// Global average pool: x (N,H,W,C) -> y (N,1,1,C),  y[n,c] = mean_{h,w} x[n,h,w,c],  dx[n,h,w,c] = dy[n,c]/(H*W).
// y and dy are f32; x and dx too, or bf16 on CUDA.
#pragma once

#include "kernels/view.h"

namespace skein {

using GlobalAveragePoolForward = void(Stream, View x, View y);
using GlobalAveragePoolBackward = void(Stream, View dy, View dx);

namespace cpu {
GlobalAveragePoolForward global_average_pool_forward;
GlobalAveragePoolBackward global_average_pool_backward;
}  // namespace cpu
namespace cuda {
GlobalAveragePoolForward global_average_pool_forward;
GlobalAveragePoolBackward global_average_pool_backward;
}  // namespace cuda

}  // namespace skein
