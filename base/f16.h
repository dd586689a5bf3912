// Half-precision storage (IEEE 754 binary16: 1 sign bit, 5 exponent bits, 10 mantissa bits) as files of other programs
// hold it. The conversion to f32 is exact; a NaN stays a NaN.
#pragma once

#include <cstdint>

#include "base/bf16.h"

namespace skein {

inline float f16_to_f32(uint16_t half) {
  const uint32_t sign = uint32_t(half & 0x8000u) << 16, exponent = half >> 10 & 31u, mantissa = half & 0x3ffu;
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24
    const float magnitude = float(mantissa) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  const uint32_t wide = exponent == 31 ? 255u : exponent + 112u;  // biases 15 and 127
  return float_of(sign | wide << 23 | mantissa << 13);
}

}  // namespace skein
