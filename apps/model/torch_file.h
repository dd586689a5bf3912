// A model's weights as a safetensors file of PyTorch, for load_state_dict(). `skein export` writes it;
// train/run/weights_file.h reads such files.
//
// Names are torchvision's for ResNets, and those of the public CIFAR code for the other networks; skein uses the same.
// Shapes of convolution weights: (out, in, kh, kw) in the file, (out, kh, kw, in) in skein. All numbers are f32.
#pragma once

#include <map>
#include <string>

#include "engine/parameters.h"

namespace skein {

// All parameters and running statistics. The store must be built, on the CPU.
void write_torch_file(const std::string& path, const ParameterStore& parameters,
                      const std::map<std::string, std::string>& metadata);

}  // namespace skein
