// Backward data with a stride: pixels of dx whose positions are equal modulo s use the same taps, so each residue is one
// convolution of dy with stride 1.
#pragma once

#include "kernels/cpu/conv/implementation.h"

namespace skein::cpu {
namespace {

// Taps along one axis that contribute to the pixels residue + s*q of dx: first, first + s, ..., `count` in all. The
// last one reads row q + start of dy; each tap before it reads one row further on.
struct Taps {
  int64_t first, count, start;
  Taps(const ConvShape& s, int64_t residue) {
    first = (residue + s.p) % s.s;
    count = first < s.k ? (s.k - 1 - first) / s.s + 1 : 0;
    start = (residue + s.p - first) / s.s - count + 1;
  }
};

int64_t pixels(int64_t size, int64_t residue, int64_t stride) {
  return residue < size ? (size - 1 - residue) / stride + 1 : 0;
}

}  // namespace
}  // namespace skein::cpu
