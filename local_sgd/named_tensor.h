// A tensor with the name under which a checkpoint keeps it. It shares memory with its owner, so copying into it
// restores the owner's state.
#pragma once

#include <string>

#include "engine/tensor.h"

namespace skein {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

}  // namespace skein
