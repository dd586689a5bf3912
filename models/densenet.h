// DenseNet for small images (Huang et al. 2017, "Densely Connected Convolutional Networks", arXiv 1608.06993, section
// 3; figure 2): 3x3 convolution, three dense blocks of n layers, a transition after the first two, BN - ReLU, global
// average pool, linear. Each layer reads the channels of all layers before it in the block and adds `growth` channels
// (k in the paper):
//
//   layer       BN - ReLU - 3x3 convolution (growth)                                                depth 3n+4
//   BC's layer  BN - ReLU - 1x1 convolution (4 growth) - BN - ReLU - 3x3 convolution (growth)       depth 6n+4
//   transition  BN - ReLU - 1x1 convolution (all, or half of the channels) - 2x2 average pool
//
// "Bottleneck layers" (B) and "Compression" (C, transitions that halve the channels) are paragraphs of section 3.
#pragma once

#include <optional>

#include "engine/layers.h"
#include "models/model.h"

namespace skein {

struct DenseNetShape {
  int64_t depth = 40, growth = 12;
  bool bottleneck = false;
  int64_t stem = 16;  // channels after the first convolution
  bool half = false;  // transitions halve the channels: compression 0.5
};

class DenseNet final : public Model {
 public:
  DenseNet(const DenseNetShape&, const ModelOptions&, ParameterStore&);
  Var forward(const Var& images) const override;

 private:
  struct Layer {
    Layer(ParameterStore&, const std::string& name, int64_t in, const DenseNetShape&, float rate, uint32_t number);
    Var operator()(const DenseFeatures&) const;

    BatchNorm bn1;
    Conv2d conv1;
    std::optional<BatchNorm> bn2;  // with a bottleneck only, like conv2
    std::optional<Conv2d> conv2;
    float rate;       // of dropout
    uint32_t number;  // of the layer in the network: separates the random streams of dropout
  };
  struct Transition {
    BatchNorm bn1;
    Conv2d conv1;
  };
  struct Block {
    std::vector<Layer> layers;
    int64_t channels;  // of the block's output
    std::optional<Transition> transition;
  };

  Conv2d conv1_;
  std::vector<Block> blocks_;
  std::optional<BatchNorm> bn1_;
  std::optional<Linear> fc_;
};

}  // namespace skein
