// Products of bf16 numbers, as many as the processor can: what its peak is measured by.
#pragma once

#include <cstdint>

namespace skein::cpu {

// Runs n rounds of products whose operands are in registers. Returns their flops.
double multiply_tiles(int64_t n);  // AMX
double multiply_pairs(int64_t n);  // AVX512_BF16

}  // namespace skein::cpu
