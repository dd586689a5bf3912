// Dropout (Srivastava et al. 2014), scaled while training. The backward pass is the same function of dy:
//
//   y[i] = u(i) < rate ? 0 : x[i] / (1 - rate)     u(i) = uniform(word i%4 of block i/4), Purpose::dropout
//
// Epoch and item of the counter are the step and (worker, layer). So a draw depends on no thread and no order, and the
// backward pass and a checkpoint need no saved mask. `step` points into device memory, so a captured step draws anew.
// x and y have one shape; f32, or both bf16. Bytes: each operand is moved once.
#pragma once

#include "kernels/kernel.h"

namespace skein {

struct DropoutStream {
  uint64_t seed = 0;
  uint32_t worker = 0;             // below 2^16
  const uint32_t* step = nullptr;  // on the device
};

// layer: number of this dropout in the model, below 2^16. y may be x.
using Dropout = void(Stream, View x, float rate, DropoutStream, uint32_t layer, View y);

SKEIN_KERNEL(dropout, Dropout, each_once);

}  // namespace skein
