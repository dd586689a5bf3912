// One step of AdamW, Adam with decoupled weight decay, over the flat parameter vector (Loshchilov, Hutter 2019, arXiv
// 1711.05101, algorithm 2; the numbers of torch.optim.AdamW without amsgrad):
//
//   t = steps + 1;  steps = t             value = value * (1 - rate*decay)  (the first `decayed` elements)
//   first  = first + (1 - beta1)*(grad - first)            second = beta2*second + (1 - beta2)*grad^2
//   value -= rate/(1 - beta1^t) * first / (sqrt(second)/sqrt(1 - beta2^t) + epsilon)
//   shadow = bf16(value), the copy that convolutions read
//
// value, grad, first, second and shadow have n elements, f32 but for the shadow (bf16). steps (1) is a whole number in
// f32, which stays at 2^24: the powers are zero by then. epsilon > 0, so the padding stays zero. `rate` points into
// device memory and steps lies there, so a captured step stays valid.
// Bytes: 28 per element, 30 with a shadow: value, grad and both moments are read; value, moments and shadow written.
#pragma once

#include <cmath>

#include "base/host_device.h"
#include "kernels/kernel.h"

namespace skein {

struct AdamwHyper {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = 1e-2;
};

using AdamwStep = void(Stream, View value, View grad, View first, View second, View shadow /*may be absent*/,
                       View steps, const float* rate, AdamwHyper, int64_t decayed);

namespace kernel {
inline Cost adamw_step_cost(View value, View grad, View first, View second, View shadow, View, const float*, AdamwHyper,
                            int64_t) {
  return {2 * bytes_of(value) + bytes_of(grad) + 2 * bytes_of(first) + 2 * bytes_of(second) + bytes_of(shadow)};
}
}  // namespace kernel

SKEIN_KERNEL(adamw_step, AdamwStep, adamw_step_cost);

// The numbers that all elements share, in f32 on host and device. 1 - beta^t is computed as -expm1(t*log(beta)), which
// loses no digits where beta^t is near 1.
struct AdamwConstants {
  explicit AdamwConstants(const AdamwHyper& h)
      : decay(float(h.decay)), log_beta1(float(std::log(h.beta1))), log_beta2(float(std::log(h.beta2))) {}
  float decay, log_beta1, log_beta2;  // the logarithm of 0 is -infinity, as wanted
};

struct AdamwTerms {
  float keep;  // 1 - rate*decay
  float rate;  // rate / (1 - beta1^t)
  float root;  // sqrt(1 - beta2^t)
};

SKEIN_HD inline AdamwTerms adamw_terms(AdamwConstants c, float rate, float t) {
  return {1.0f - rate * c.decay, rate / -expm1f(t * c.log_beta1), sqrtf(-expm1f(t * c.log_beta2))};
}

}  // namespace skein
