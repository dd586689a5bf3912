// Global average pool: x (N,H,W,C) -> y (N,1,1,C),  y[n,c] = mean_{h,w} x[n,h,w,c],  dx[n,h,w,c] = dy[n,c]/(H*W).
// y and dy are f32; x and dx are f32 or bf16. Bytes: each operand is moved once.
#pragma once

#include "kernels/kernel.h"

namespace skein {

using GlobalAveragePoolForward = void(Stream, View x, View y);
using GlobalAveragePoolBackward = void(Stream, View dy, View dx);

SKEIN_KERNEL(global_average_pool_forward, GlobalAveragePoolForward, each_once);
SKEIN_KERNEL(global_average_pool_backward, GlobalAveragePoolBackward, each_once);

}  // namespace skein
