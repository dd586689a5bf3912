// What this machine can do at best, measured: the bounds that kernels are compared with. Each call takes about 0.2 s.
#pragma once

#include "kernels/view.h"

namespace skein::cpu {

double measure_fma_gflops();  // f32 multiply-adds on all threads, widest vectors there are; a multiply-add is 2 flops
double measure_copy_gbs();    // bytes read plus bytes written by copying arrays far larger than the caches, 10^9/s

}  // namespace skein::cpu

namespace skein::cuda {

double measure_copy_gbs(Stream);  // the same within the memory of the current device, by cudaMemcpyAsync

}  // namespace skein::cuda
