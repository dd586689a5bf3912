// ResNet for small images (He et al. 2015, section 4.2): 3x3 convolution (16) - BN - ReLU, three stages of n basic
// blocks with 16, 32, 64 channels and strides 1, 2, 2, global average pool, linear. Depth 6n+2.
#pragma once

#include <optional>

#include "engine/layers.h"
#include "models/model.h"

namespace skein {

class ResNetCifar final : public Model {
 public:
  ResNetCifar(int64_t depth, const ModelOptions&, ParameterStore&);
  Var forward(const Var& images) const override;

 private:
  // relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x))
  struct BasicBlock {
    BasicBlock(ParameterStore&, const std::string& name, int64_t in, int64_t out, int64_t stride, char shortcut);
    Var operator()(const Var& x) const;
    Var shortcut(const Var& x) const;

    Conv2d conv1;
    BatchNorm bn1;
    Conv2d conv2;
    BatchNorm bn2;
    std::optional<Conv2d> projection;  // shortcut B where the shape changes
    std::optional<BatchNorm> projection_bn;
    int64_t in, out, stride;
  };

  Conv2d conv1_;
  BatchNorm bn1_;
  std::vector<BasicBlock> blocks_;
  std::optional<Linear> fc_;  // made last, so that parameters are in the order of the forward pass
};

}  // namespace skein
