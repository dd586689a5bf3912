// Properties of a GPU that training does not need (kernels/device/runtime.h has the others).
#pragma once

#include <cstddef>
#include <string>

namespace skein::cuda {

std::string describe_device(int index);  // JSON for apps/plan/gpu_model.h, from the CUDA runtime
size_t memory_in_use();  // bytes of the current device taken by all processes, CUDA and its libraries included
size_t l2_bytes();       // of the current device

}  // namespace skein::cuda
