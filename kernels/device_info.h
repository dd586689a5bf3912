// What a GPU says about itself, beyond what training asks (kernels/runtime.h).
#pragma once

#include <cstddef>
#include <string>

namespace skein::cuda {

std::string describe_device(int index);  // as apps/plan/gpu_model.h reads it, from what the CUDA runtime knows
size_t memory_in_use();  // bytes of the current device, whoever took them, CUDA and its libraries included
size_t l2_bytes();       // of the current device

}  // namespace skein::cuda
