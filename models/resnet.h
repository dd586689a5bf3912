// ResNet for large images (He et al. 2015, arXiv 1512.03385, table 1): 7x7/2 convolution (64) - BN - ReLU - 3x3/2 max
// pool, four stages of blocks with 64, 128, 256, 512 channels and strides 1, 2, 2, 2, global average pool, linear.
// Bottlenecks are those of v1.5 (models/residual_block.h). Parameters are named as in torchvision.
#pragma once

#include <array>

#include "models/residual_block.h"

namespace skein {

using ResNetStages =
    std::array<int64_t, 4>;  // blocks per stage: {3, 4, 6, 3} is ResNet-34; with bottlenecks, ResNet-50

template <class Block>
class ResNet final : public Model {
 public:
  // width: channels of the stem and of the first stage's 3x3 convolutions
  ResNet(const ResNetStages&, const ModelOptions&, ParameterStore&, int64_t width = 64);
  Var forward(const Var& images) const override;

 private:
  Conv2d conv1_;
  BatchNorm bn1_;
  std::vector<Block> blocks_;
  std::optional<Linear> fc_;
};

}  // namespace skein
