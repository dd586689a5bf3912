// The computer under a run: what it has, and the settings of this process that decide how sums are rounded.
#pragma once

#include <string>
#include <vector>

#include "kernels/conv.h"

namespace skein {

struct Processor {
  std::string name;
  int cores;
  std::vector<std::string> instruction_sets;  // those that matter here, as /proc/cpuinfo spells them
};
Processor processor();

Device device_of(const std::string& device);  // auto: a GPU where there is one

// The GPU of the calling thread: threads that are started begin with the first one. -1 and nothing where there is none.
int current_gpu();
void use_gpu(int index);

// BadInput unless `device` (auto, cpu, cuda) and `dtype` (f32, bf16) can be had here.
void check_device(const std::string& device, const std::string& dtype);

void use_threads(int64_t threads);  // 0: leaves OpenMP's number
// "auto" measures what suits and keeps the fastest; on a GPU "cudnn" leaves the choice to cuDNN's heuristics. dtype
// tf32 lets f32 convolutions on a GPU use the tensor cores. BadInput where the device has no such kernels.
void use_conv(Device, const std::string& name, const std::string& dtype);
std::vector<ConvChoice> conv_choices();                      // made so far, on the CPU and on GPUs
void use_conv_choices(const std::vector<ConvChoice>& made);  // those of a checkpoint, instead of measuring

}  // namespace skein
