// Tile registers of AMX in plain C++, to the bit: TDPBF16PS sums the products of even and of odd numbers in two chains
// of fused multiply-adds that start at zero, and adds the sum of both to the tile. Everything is rounded to nearest
// even; denormals, read or computed, are zero. (Intel's manual leaves the order of sums open; this one agrees with all
// of 512,000 sums that a Granite Rapids Xeon has computed.)
#pragma once

#include <stdint.h>

#include "kernels/cpu/conv/common.h"

namespace skein::cpu {
namespace {

thread_local char tile_registers[8][1024];

inline float without_denormal(float v) { return __builtin_fabsf(v) < 0x1p-126f ? __builtin_copysignf(0, v) : v; }

struct PortableTiles {
  static void begin() {}
  static void end() {}

  template <int kTile>
  static void zero() {
    __builtin_memset(tile_registers[kTile], 0, 1024);
  }
  template <int kTile>
  static void load(const void* lines, int64_t stride) {
    for (int i = 0; i < 16; ++i)
      __builtin_memcpy(tile_registers[kTile] + 64 * i, static_cast<const char*>(lines) + i * stride, 64);
  }
  template <int kTile>
  static void store(void* lines, int64_t stride) {
    for (int i = 0; i < 16; ++i)
      __builtin_memcpy(static_cast<char*>(lines) + i * stride, tile_registers[kTile] + 64 * i, 64);
  }
  template <int kSum>
  static void multiply() {
    Bf16 a[16][32], b[16][32];
    float sum[16][16];
    __builtin_memcpy(a, tile_registers[6], sizeof a);
    __builtin_memcpy(b, tile_registers[7], sizeof b);
    __builtin_memcpy(sum, tile_registers[kSum], sizeof sum);
    for (int m = 0; m < 16; ++m) {
      float chains[2][16] = {};
      for (int k = 0; k < 32; ++k) {
        const float x = without_denormal(widen(a[m][k]));
        for (int n = 0; n < 16; ++n) {
          const float y = without_denormal(widen(b[k / 2][2 * n + k % 2]));
          chains[k % 2][n] = without_denormal(__builtin_fmaf(x, y, chains[k % 2][n]));
        }
      }
      for (int n = 0; n < 16; ++n)
        sum[m][n] = without_denormal(without_denormal(sum[m][n]) + without_denormal(chains[0][n] + chains[1][n]));
    }
    __builtin_memcpy(tile_registers[kSum], sum, sizeof sum);
  }

  static void copy(Bf16* to, const Bf16* from, int64_t n, int64_t width) {
    for (int64_t i = 0; i < width; ++i) to[i] = i < n ? from[i] : Bf16{};
  }
  static void pair(char* to, const Bf16* a, int64_t na, const Bf16* b, int64_t nb) {
    uint32_t pairs[16];
    for (int i = 0; i < 16; ++i)
      pairs[i] = (i < na ? a[i].bits : uint32_t{0}) | (i < nb ? b[i].bits : uint32_t{0}) << 16;
    __builtin_memcpy(to, pairs, sizeof pairs);
  }
  static void transpose(const char* from, char* to) {
    for (int i = 0; i < 16; ++i)
      for (int j = 0; j < 16; ++j) __builtin_memcpy(to + 64 * j + 4 * i, from + 64 * i + 4 * j, 4);
  }
};

}  // namespace
}  // namespace skein::cpu
