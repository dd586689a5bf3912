// Peak rates of this machine, measured: the bounds that kernels are compared with. Each call takes about 0.2 s.
#pragma once

#include "kernels/view.h"

namespace skein::cpu {

// 10^9 flops/s of multiply-adds on all threads, two flops each: of f32 in the widest vectors, and of bf16 by AMX, else by
// AVX512_BF16, else at the rate of f32.
double measure_fma_gflops();
double measure_bf16_gflops();
double measure_copy_gbs();  // 10^9 bytes/s read plus written by copying arrays far larger than the caches

}  // namespace skein::cpu

namespace skein::cuda {

double measure_copy_gbs(Stream);  // the same within the memory of the current GPU, by cudaMemcpyAsync

}  // namespace skein::cuda
