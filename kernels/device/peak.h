// Peak rates of this machine, measured: the bounds that kernels are compared with. Each call takes about 0.2 s.
#pragma once

#include "kernels/view.h"

namespace skein::cpu {

double
measure_fma_gflops();       // f32 multiply-adds on all threads in the widest vectors, 10^9 flops/s, 2 per multiply-add
double measure_copy_gbs();  // 10^9 bytes/s read plus written by copying arrays far larger than the caches

}  // namespace skein::cpu

namespace skein::cuda {

double measure_copy_gbs(Stream);  // the same within the memory of the current GPU, by cudaMemcpyAsync

}  // namespace skein::cuda
