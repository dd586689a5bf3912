// One step of SGD with momentum over the flat parameter vector (PyTorch's form, dampening 0):
//
//   g = grad + decay*value (the first `decayed` elements)   v = momentum*v + g
//   value -= rate*(g + momentum*v) with Nesterov, rate*v without
//
// All f32. `rate` points into device memory, so a captured step stays valid when the schedule changes it.
// Bytes: reads value, grad, velocity, writes value, velocity: 20 per element.
#pragma once

#include "kernels/view.h"

namespace skein {

struct SgdHyper {
  float momentum = 0.9f, decay = 1e-4f;
  bool nesterov = true;
};

using SgdStep = void(Stream, View value, View grad, View velocity, const float* rate, SgdHyper, int64_t decayed);

namespace cpu {
SgdStep sgd_step;
}
namespace cuda {
SgdStep sgd_step;
}

}  // namespace skein
