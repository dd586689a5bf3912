// bfloat16 storage and its conversions: 16 bits, the upper half of an f32. Arithmetic is done in f32. Conversion to f32
// is exact. Conversion from f32 rounds to nearest, ties to even (IEEE 754); every NaN becomes the NaN 0x7fff.
#pragma once

#include <cstdint>

#include "base/host_device.h"

namespace skein {

struct Bf16 {
  uint16_t bits;
};

SKEIN_HD inline uint32_t bits_of(float f) { return __builtin_bit_cast(uint32_t, f); }
SKEIN_HD inline float float_of(uint32_t bits) { return __builtin_bit_cast(float, bits); }

SKEIN_HD inline Bf16 to_bf16(float f) {
  const uint32_t u = bits_of(f);
  const uint32_t rounded = (u + 0x7fffu + (u >> 16 & 1)) >> 16;
  return {uint16_t((u & 0x7fffffffu) > 0x7f800000u ? 0x7fffu : rounded)};
}

SKEIN_HD inline float to_f32(Bf16 b) { return float_of(uint32_t{b.bits} << 16); }

}  // namespace skein
