// Exchange of weights with PyTorch, as safetensors files (safetensors.torch.save_file(model.state_dict(), FILE)).
// `skein import` reads them, `skein export` writes them.
//
// Names are torchvision's for ResNets, and those of the public CIFAR code for the other networks; skein uses the same.
// Reading also accepts the prefix `module.`, `linear` for `fc` and `shortcut` for `downsample`.
// Shapes of convolution weights: (out, in, kh, kw) in the file, (out, kh, kw, in) in skein. All numbers are f32.
#pragma once

#include <map>
#include <string>

#include "engine/parameters.h"

namespace skein {

// All parameters and running statistics. The store must be built, on the CPU. BadInput names a tensor that is missing,
// has another shape or type, or is not part of the model.
void read_torch_file(const std::string& path, ParameterStore& parameters);
void write_torch_file(const std::string& path, const ParameterStore& parameters,
                      const std::map<std::string, std::string>& metadata);

}  // namespace skein
