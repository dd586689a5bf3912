// Interface of all models: a model is its forward pass. Its constructor registers its parameters in a ParameterStore,
// which is built afterwards.
#pragma once

#include <memory>
#include <string>

#include "engine/parameters.h"
#include "engine/tape.h"

namespace skein {

struct ModelOptions {
  int64_t classes = 10;
  int64_t channels = 3;            // of the images, 1 or 3
  char shortcut = 'B';             // ResNets, blocks that change the shape: A pads the identity with zeros, B projects
  float dropout = 0;               // rate in the blocks of DenseNets and wide ResNets
  bool zero_gamma = false;         // gamma of the last batch norm of a residual block starts at 0: identity blocks
  bool normal_classifier = false;  // classifier starts from weights N(0, 0.01^2) and bias 0
};

class Model {
 public:
  virtual ~Model() = default;
  virtual Var forward(const Var& images) const = 0;  // (N,H,W,channels) -> logits (N,1,1,classes)
};

// Makes a model by name. BadInput lists the known names.
//   resnet18, resnet34, resnet50, resnet101, resnet152   large images (ImageNet)
//   The others are for small images (CIFAR):
//   resnet8, resnet14, resnet20, resnet32 ...            any other depth 6n+2
//   resnet9, resnet9-32 ...                              channels of the first convolution, 64 without a number
//   densenet40-12 ...                                    depth 3n+4, growth
//   densenet40-12-stem24 ...                             24 channels after the first convolution instead of 16
//   densenet40-12-stem24-half ...                        the same, with transitions that halve the channels
//   densenet-bc-100-12 ...                               depth 6n+4, growth
//   wrn28-10, wrn16-4 ...                                depth 6n+4, width
std::unique_ptr<Model> make_model(const std::string& name, const ModelOptions&, ParameterStore&);

}  // namespace skein
