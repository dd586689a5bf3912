// SGD with momentum on the flat parameters of a ParameterStore. Formula: kernels/sgd_step.h.
#pragma once

#include "engine/parameters.h"
#include "kernels/sgd_step.h"

namespace skein {

class Sgd {
 public:
  Sgd(ParameterStore& parameters, SgdHyper hyper, Queue queue);
  // Copies the learning rate to device memory, where step() reads it: a captured step stays valid. To be called outside
  // the captured step.
  void set_rate(float rate);
  void step();  // one kernel

 private:
  ParameterStore& parameters_;
  SgdHyper hyper_;
  Queue queue_;
  Tensor rate_;
};

}  // namespace skein
