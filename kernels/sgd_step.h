// One step of SGD with momentum over the flat parameter vector (PyTorch's form, dampening 0):
//
//   g = grad + decay*value (the first `decayed` elements)   v = momentum*v + g
//   value -= rate*step,  step = g + momentum*v with Nesterov, v without;  or its sign: -1, 0 or 1 (zero stays zero
//   here, so the padding does; only what is sent as one bit counts zero as +1), in algorithm 3 of local SGD
//   shadow = bf16(value), for the convolutions to read
//
// All f32 but the shadow. `rate` points into device memory, so a captured step stays valid when the schedule changes
// it. Bytes: reads value, grad, velocity, writes value, velocity: 20 per element; 22 with a shadow.
#pragma once

#include "kernels/view.h"

namespace skein {

struct SgdHyper {
  float momentum = 0.9f, decay = 1e-4f;
  bool nesterov = true;
  bool sign = false;
};

using SgdStep = void(Stream, View value, View grad, View velocity, View shadow /*bf16, may be absent*/,
                     const float* rate, SgdHyper, int64_t decayed);

namespace cpu {
SgdStep sgd_step;
}
namespace cuda {
SgdStep sgd_step;
}

}  // namespace skein
