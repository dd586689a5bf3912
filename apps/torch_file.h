// Weights to and from PyTorch, in safetensors files (safetensors.torch.save_file(model.state_dict(), FILE)):
//   skein import --from torch FILE --model resnet50 --data DATA --out CHECKPOINT
//   skein export --to torch CHECKPOINT --out FILE
// Names are torchvision's for ResNets and those of the public CIFAR code for the other networks, which are skein's own;
// import also takes the prefix `module.`, and `linear` and `shortcut` for `fc` and `downsample`. Convolution weights
// are (out, in, kh, kw) there and (out, kh, kw, in) here; everything is f32.
#pragma once

#include <string>

#include "engine/parameters.h"

namespace skein {

// All parameters and running statistics of a built store on the CPU. BadInput names the tensor that is missing, has
// another shape or type, or is nobody's.
void read_torch_file(const std::string& path, ParameterStore& parameters);
void write_torch_file(const std::string& path, const ParameterStore& parameters);

}  // namespace skein
