// DenseNet for small images (Huang et al. 2017): 3x3 convolution, three dense blocks of n layers, a transition after
// the first two, BN - ReLU, global average pool, linear. A layer adds `growth` channels to what all before it have
// made:
//
//   layer       BN - ReLU - 3x3 convolution (growth)                                                depth 3n+4
//   BC's layer  BN - ReLU - 1x1 convolution (4 growth) - BN - ReLU - 3x3 convolution (growth)       depth 6n+4
//   transition  BN - ReLU - 1x1 convolution (all, or half of the channels) - 2x2 average pool
#pragma once

#include <optional>

#include "engine/layers.h"
#include "models/model.h"

namespace skein {

struct DenseNetShape {
  int64_t depth = 40, growth = 12;
  bool bottleneck = false;
  int64_t stem = 16;  // channels after the first convolution
  bool half = false;  // transitions halve the channels
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
    std::optional<BatchNorm> bn2;  // of the bottleneck
    std::optional<Conv2d> conv2;
    float rate;       // of the dropout
    uint32_t number;  // of the layer: tells its draws from the others'
  };
  struct Transition {
    BatchNorm bn1;
    Conv2d conv1;
  };
  struct Block {
    std::vector<Layer> layers;
    int64_t channels;  // at the end
    std::optional<Transition> transition;
  };

  Conv2d conv1_;
  std::vector<Block> blocks_;
  std::optional<BatchNorm> bn1_;
  std::optional<Linear> fc_;
};

}  // namespace skein
