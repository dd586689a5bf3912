// One step of SGD with momentum over the flat parameter vector (PyTorch's form, dampening 0):
//
//   g = grad + decay*value (the first `decayed` elements)   v = momentum*v + g
//   value -= rate*step,  step = g + momentum*v with Nesterov, v without
//   sign: step becomes its sign, -1, 0 or 1 (algorithm 3 of local SGD, arXiv 1808.07217). Zero stays zero here, so the
//         padding does; only a number that is sent as one bit cannot (kernels/sign.h)
//   shadow = bf16(value), the copy that convolutions read
//
// value, grad, velocity and shadow have n elements, f32 but for the shadow (bf16). `rate` points into device memory, so
// a captured step stays valid when the schedule changes it.
// Bytes: 20 per element, 22 with a shadow: value, grad and velocity are read; value, velocity and shadow are written.
#pragma once

#include "kernels/kernel.h"

namespace skein {

struct SgdHyper {
  float momentum = 0.9f, decay = 1e-4f;
  bool nesterov = true;
  bool sign = false;
};

using SgdStep = void(Stream, View value, View grad, View velocity, View shadow /*may be absent*/, const float* rate,
                     SgdHyper, int64_t decayed);

namespace kernel {
inline Cost sgd_step_cost(View value, View grad, View velocity, View shadow, const float*, SgdHyper, int64_t) {
  return {2 * bytes_of(value) + bytes_of(grad) + 2 * bytes_of(velocity) + bytes_of(shadow)};
}
}  // namespace kernel

SKEIN_KERNEL(sgd_step, SgdStep, sgd_step_cost);

}  // namespace skein
