// ResNet for small images (He et al. 2015, arXiv 1512.03385, section 4.2 and the table there): 3x3 convolution (16) -
// BN - ReLU, three stages of n basic blocks with 16, 32, 64 channels and strides 1, 2, 2, global average pool, linear.
// Depth 6n+2.
#pragma once

#include "models/residual_block.h"

namespace skein {

class ResNetCifar final : public Model {
 public:
  ResNetCifar(int64_t depth, const ModelOptions&, ParameterStore&);
  Var forward(const Var& images) const override;

 private:
  Conv2d conv1_;
  BatchNorm bn1_;
  std::vector<BasicBlock> blocks_;
  std::optional<Linear> fc_;  // constructed last, so that parameters are registered in the order of the forward pass
};

}  // namespace skein
