// The numbers of an AdamW step that are the same for every element (kernels/adamw_step.h), on host and device in f32.
// 1 - beta^t is computed as -expm1(t*log(beta)), which loses no digits where beta^t is near 1.
#pragma once

#include <cmath>

#include "base/host_device.h"
#include "kernels/adamw_step.h"

namespace skein {

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
