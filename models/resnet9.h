// ResNet-9 for small images: the network of Page, "How to Train Your ResNet" (2018, myrtle.ai), that led DAWNBench's
// list of CIFAR-10 training times, with w = 64 channels in its first convolution; a narrower one costs (w/64)^2 of it.
//
//   conv3x3(w) - BN - ReLU
//   conv3x3(2w) - pool - BN - ReLU - basic block        pool: 3x3 maximum, stride 2
//   conv3x3(4w) - pool - BN - ReLU
//   conv3x3(8w) - pool - BN - ReLU - basic block
//   global average pool - linear
//
// Differences: pooling comes before batch norm and ReLU, as in cifar10-airbench (arXiv 2404.00498, section 3.1), which
// saves three quarters of their work; windows overlap; the last ReLU of a block follows the sum (He et al. 2015); the
// mean takes the place of the maximum over the last 4 x 4 pixels, and logits are not scaled.
#pragma once

#include "models/residual_block.h"

namespace skein {

class ResNet9 final : public Model {
 public:
  ResNet9(int64_t width, const ModelOptions&, ParameterStore&);
  Var forward(const Var& images) const override;

 private:
  // A convolution that doubles the channels and a pool that halves the sides; a block follows if `residual`.
  struct Stage {
    Stage(ParameterStore&, const std::string& name, int64_t in, bool residual, const ModelOptions&);
    Conv2d conv;
    BatchNorm bn;
    std::optional<BasicBlock> block;
  };
  Conv2d conv1_;
  BatchNorm bn1_;
  std::vector<Stage> stages_;
  std::optional<Linear> fc_;  // constructed last, so that parameters are registered in the order of the forward pass
};

}  // namespace skein
