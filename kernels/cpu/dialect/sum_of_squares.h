// Sum of squares in double, the same bits on every instruction set.
#pragma once

#include <cstdint>

namespace skein::cpu {

double sum_of_squares(const float* x, int64_t n);  // on this thread

}  // namespace skein::cpu
