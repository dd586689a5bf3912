// Rounds n numbers to bf16, to nearest even, on the calling thread: the part of cast() (kernels/cast.h) that the steps
// of optimisers use for their shadows.
#pragma once

#include <cstdint>

#include "base/bf16.h"

namespace skein::cpu {

void round_to_bf16(const float* from, Bf16* to, int64_t n);

}  // namespace skein::cpu
