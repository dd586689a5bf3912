#include "kernels/cpu/dialect/sum_of_squares.h"

#include "base/simd.h"

namespace skein::cpu {

// Sixteen partial sums, so that the loop vectorises without reordering additions.
SKEIN_SIMD double sum_of_squares(const float* x, int64_t n) {
  constexpr int64_t kLanes = 16;
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int64_t k = 0; k < kLanes; ++k) lanes[k] += double(x[i + k]) * double(x[i + k]);
  double sum = 0;
  for (; i < n; ++i) sum += double(x[i]) * double(x[i]);
  for (const double lane : lanes) sum += lane;
  return sum;
}

}  // namespace skein::cpu
