// The two residual blocks of He et al. 2015, "Deep Residual Learning for Image Recognition", arXiv 1512.03385, figure
// 5. The shortcut is the identity; if the shape changes, it is the identity padded with zero channels (A) or a
// projection by a 1x1 convolution (B; section 3.3 and 4.1). Parameters are named as in torchvision.
#pragma once

#include <optional>

#include "engine/layers.h"
#include "models/model.h"

namespace skein {

class Shortcut {
 public:
  Shortcut(ParameterStore&, const std::string& block, int64_t in, int64_t out, int64_t stride, char kind);
  Var operator()(const Var& x) const;

 private:
  std::optional<Conv2d> projection_;
  std::optional<BatchNorm> norm_;
  int64_t in_, out_, stride_;
};

struct BlockShape {
  int64_t in, width, stride;
};

// Figure 5, left: relu(bn2(conv3x3(relu(bn1(conv3x3(x))))) + shortcut(x))
class BasicBlock {
 public:
  static constexpr int64_t kExpansion = 1;  // output channels per channel of the 3x3 convolutions
  BasicBlock(ParameterStore&, const std::string& name, BlockShape, const ModelOptions&);
  Var operator()(const Var& x) const;

 private:
  Conv2d conv1_;
  BatchNorm bn1_;
  Conv2d conv2_;
  BatchNorm bn2_;
  Shortcut shortcut_;
};

// Figure 5, right: relu(bn3(conv1x1(relu(bn2(conv3x3(relu(bn1(conv1x1(x)))))))) + shortcut(x)). The stride is in the
// 3x3 convolution, as in torchvision ("v1.5"); in the paper it is in the first 1x1 convolution.
class Bottleneck {
 public:
  static constexpr int64_t kExpansion = 4;
  Bottleneck(ParameterStore&, const std::string& name, BlockShape, const ModelOptions&);
  Var operator()(const Var& x) const;

 private:
  Conv2d conv1_;
  BatchNorm bn1_;
  Conv2d conv2_;
  BatchNorm bn2_;
  Conv2d conv3_;
  BatchNorm bn3_;
  Shortcut shortcut_;
};

}  // namespace skein
