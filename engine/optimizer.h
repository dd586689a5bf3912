// Optimisers on the flat parameters of a ParameterStore: SGD with momentum (kernels/sgd_step.h) and AdamW
// (kernels/adamw_step.h).
#pragma once

#include "engine/parameters.h"
#include "kernels/adamw_step.h"
#include "kernels/sgd_step.h"

namespace skein {

class Optimizer {
 public:
  Optimizer(ParameterStore& parameters, Queue queue);
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  // Copies the learning rate to device memory, where step() reads it: a captured step stays valid. To be called outside
  // the captured step.
  void set_rate(float rate);
  void step() { step_on(queue_); }
  // The step on another queue of the same stream: one whose kernels are timed. No allocation.
  virtual void step_on(const Queue&) = 0;

 protected:
  ParameterStore& parameters_;
  const Queue queue_;
  Tensor rate_;
};

class Sgd final : public Optimizer {
 public:
  Sgd(ParameterStore& parameters, SgdHyper hyper, Queue queue) : Optimizer(parameters, queue), hyper_(hyper) {}
  void step_on(const Queue&) override;

 private:
  SgdHyper hyper_;
};

// The first moment is the store's velocity. The store must have a second moment (ParameterStore::add_second_moment).
class Adamw final : public Optimizer {
 public:
  Adamw(ParameterStore& parameters, AdamwHyper hyper, Queue queue) : Optimizer(parameters, queue), hyper_(hyper) {}
  void step_on(const Queue&) override;

 private:
  AdamwHyper hyper_;
};

}  // namespace skein
