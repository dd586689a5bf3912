// SGD with momentum on the flat parameters: kernels/sgd_step.h applied to a ParameterStore.
#pragma once

#include "engine/parameters.h"
#include "kernels/sgd_step.h"

namespace skein {

class Sgd {
 public:
  Sgd(ParameterStore& parameters, SgdHyper hyper, Queue queue);
  void set_rate(float rate);  // one 4-byte copy, outside the captured step; the step reads it from device memory
  void step();                // one kernel

 private:
  ParameterStore& parameters_;
  SgdHyper hyper_;
  Queue queue_;
  Tensor rate_;
};

}  // namespace skein
