// Machine of a run: its processor and GPUs, and the settings of this process that decide how sums are rounded.
#pragma once

#include <string>
#include <vector>

#include "kernels/conv.h"
#include "train/config/config_types.h"

namespace skein {

struct Processor {
  std::string name;
  int cores;
  std::vector<std::string> instruction_sets;  // those that kernels use, as /proc/cpuinfo spells them
};
Processor processor();

std::string host_name();

Device device_of(DeviceChoice choice);

// GPU of the calling thread; every new thread starts with the first GPU. -1 without a GPU; use_gpu(-1) does nothing.
int current_gpu();
void use_gpu(int index);

// BadInput if this machine lacks the device, or the device does not compute in `type`.
void check_device(DeviceChoice choice, ComputeType type);

void use_threads(int64_t threads);  // of OpenMP; 0: no change

// Convolution kernels by name. "auto" times the kernels that apply and keeps the fastest. "cudnn", on a GPU, takes the
// advice of cuDNN's heuristics. BadInput if the device has no kernels of this name for this type.
void check_conv(Device device, const std::string& name, ComputeType type);
// tf32 permits f32 convolutions on a GPU to use the tensor cores.
void use_conv(Device device, const std::string& name, ComputeType type);

std::vector<ConvChoice> conv_choices();                      // all choices of this process so far, on CPU and GPUs
void use_conv_choices(const std::vector<ConvChoice>& made);  // choices of a checkpoint, instead of timing

}  // namespace skein
