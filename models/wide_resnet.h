// Wide ResNet (Zagoruyko & Komodakis 2016, arXiv 1605.07146, table 1; block of figure 1 (d), in pre-activation order):
// 3x3 convolution (16), three groups of n blocks with 16k, 32k, 64k channels and strides 1, 2, 2, BN - ReLU, global
// average pool, linear. Depth 6n+4, width k. If a block changes the shape, its shortcut is a 1x1 convolution of
// relu(bn1(x)).
#pragma once

#include <optional>

#include "engine/layers.h"
#include "models/model.h"

namespace skein {

class WideResNet final : public Model {
 public:
  WideResNet(int64_t depth, int64_t width, const ModelOptions&, ParameterStore&);
  Var forward(const Var& images) const override;

 private:
  // conv2(dropout(relu(bn2(conv1(a))))) + (shortcut(a) or x), where a = relu(bn1(x))
  struct Block {
    Block(ParameterStore&, const std::string& name, int64_t in, int64_t out, int64_t stride, const ModelOptions&,
          uint32_t number);
    Var operator()(const Var& x) const;

    BatchNorm bn1;
    Conv2d conv1;
    BatchNorm bn2;
    Conv2d conv2;
    std::optional<Conv2d> shortcut;
    float rate;       // of dropout
    uint32_t number;  // of the block in the network: separates the random streams of dropout
  };

  Conv2d conv1_;
  std::vector<Block> blocks_;
  std::optional<BatchNorm> bn1_;
  std::optional<Linear> fc_;
};

}  // namespace skein
