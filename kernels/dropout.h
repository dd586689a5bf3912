// Dropout (Srivastava et al. 2014), scaled while training, f32 on the CPU; the backward pass is the same function of
// dy:
//
//   y[i] = u(i) < rate ? 0 : x[i] / (1 - rate)     u(i) = uniform(word i%4 of block i/4), Purpose::dropout
//
// Epoch and item of the counter are the step and (worker, layer), so a draw depends on no thread, no order and nothing
// that must be kept for the backward pass or for a checkpoint. `step` points into device memory: a captured step draws
// anew. 8 bytes per number move.
#pragma once

#include "kernels/view.h"

namespace skein {

struct DropoutStream {
  uint64_t seed = 0;
  uint32_t worker = 0;             // below 2^16
  const uint32_t* step = nullptr;  // on the device
};

// layer: which dropout of the model it is, below 2^16. y may be x.
using Dropout = void(Stream, View x, float rate, DropoutStream, uint32_t layer, View y);

namespace cpu {
Dropout dropout;
}
namespace cuda {
Dropout dropout;
}

}  // namespace skein
