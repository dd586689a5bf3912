// A model is its forward pass. It registers its parameters in a store while it is made; the store is then built.
#pragma once

#include <memory>
#include <string>

#include "engine/autograd.h"
#include "engine/parameters.h"

namespace skein {

struct ModelOptions {
  int64_t classes = 10;
  int64_t channels = 3;  // of the images, 1 or 3
  char shortcut = 'B';   // where a residual block changes shape: A pads the identity with zeros, B projects it
};

class Model {
 public:
  virtual ~Model() = default;
  virtual Var forward(const Var& images) const = 0;  // (N,H,W,channels) -> logits (N,1,1,classes)
};

// "resnet20", "resnet32" ...: any depth 6n+2, for small images. BadInput lists what is known.
std::unique_ptr<Model> make_model(const std::string& name, const ModelOptions&, ParameterStore&);

}  // namespace skein
