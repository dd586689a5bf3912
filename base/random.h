// Counter-based random numbers, identical on host and device: Philox4x32-10 (Salmon et al., "Parallel random numbers:
// as easy as 1, 2, 3", SC 2011). Each draw is a pure function of its key and counter, independent of order and threads:
//   key     = the 64-bit seed of the run
//   counter = (index, item, epoch, purpose)   item: sample, tensor or image; index: block of four words within the item
// Counters of different purposes never coincide. For more than 2^32 blocks per item, put the high half of the index in
// item.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "base/host_device.h"

namespace skein {

// Stable values: they decide what a seed produces. Append, never renumber.
enum class Purpose : uint32_t {
  augment = 1,
  permute = 2,
  init = 3,
  synthetic = 4,
  dropout = 5,
  noise = 6,
  test = 7,
  erase = 8,
  mix = 9,
  trivial_augment = 10,
  partition = 11,
  geometry = 12
};

struct RandomWords {
  uint32_t v[4];
  SKEIN_HD constexpr uint32_t operator[](int64_t i) const { return v[i]; }
  bool operator==(const RandomWords&) const = default;
};

SKEIN_HD constexpr RandomWords philox4x32_10(RandomWords counter, uint32_t key0, uint32_t key1) {
  uint32_t a = counter.v[0], b = counter.v[1], c = counter.v[2], d = counter.v[3];
  for (int round = 0; round < 10; ++round) {
    const uint64_t p = uint64_t{0xD2511F53} * a, q = uint64_t{0xCD9E8D57} * c;
    a = uint32_t(q >> 32) ^ b ^ key0;
    b = uint32_t(q);
    c = uint32_t(p >> 32) ^ d ^ key1;
    d = uint32_t(p);
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return {{a, b, c, d}};
}

SKEIN_HD constexpr RandomWords random_words(uint64_t seed, Purpose purpose, uint32_t epoch, uint32_t item,
                                            uint32_t index) {
  return philox4x32_10({{index, item, epoch, uint32_t(purpose)}}, uint32_t(seed), uint32_t(seed >> 32));
}

// Uniform in [0, 1), a multiple of 2^-24. Every value is exact in f32, so rounding never yields 1.
SKEIN_HD constexpr float uniform(uint32_t word) { return float(word >> 8) * 0x1p-24f; }

// Uniform in {0 .. n-1}, n >= 1. Probabilities differ by at most a relative n / 2^32.
SKEIN_HD constexpr uint32_t bounded(uint32_t word, uint32_t n) { return uint32_t((uint64_t{word} * n) >> 32); }

// Standard normal from two words by the Box-Muller transform; |result| <= 6.67. The argument of the logarithm is in
// (0, 1].
SKEIN_HD inline double normal(uint32_t word0, uint32_t word1) {
  const double radius = std::sqrt(-2.0 * std::log((double(word0) + 1.0) * 0x1p-32));
  return radius * std::cos(2.0 * std::numbers::pi * (double(word1) * 0x1p-32));
}

}  // namespace skein
