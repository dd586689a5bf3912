// One training step on a batch of noise, for `skein bench step`.
#pragma once

#include "apps/bench/bench.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "models/model.h"

namespace skein {

class NoiseStep {
 public:
  NoiseStep(const StepBench& o, DType dtype, Tape& tape)
      : tape_(tape),
        model_(make_model(o.model, {o.classes, o.channels, 'B'}, parameters_)),
        images_(random_tensor(tape.queue, {o.batch, o.size, o.size, o.channels}, 1, 0, 1, dtype)),
        labels_(random_labels(tape.queue, o.batch, o.classes, 2)) {
    tape.recompute = o.recompute;
    parameters_.build(tape.queue.device, 1, dtype);
    sgd_ = std::make_unique<Sgd>(parameters_, SgdHyper{}, tape.queue);
    sgd_->set_rate(0.01f);
  }

  // Forward pass, backward pass and optimiser step.
  Loss run() {
    tape_.reset();
    const Loss loss = cross_entropy(model_->forward(tape_.input(images_)), labels_);
    tape_.backward(loss.mean);
    sgd_->step();
    return loss;
  }
  const ParameterStore& parameters() const { return parameters_; }
  const void* images() const { return images_.view().data; }

 private:
  Tape& tape_;
  ParameterStore parameters_;
  std::unique_ptr<Model> model_;
  Tensor images_, labels_;
  std::unique_ptr<Sgd> sgd_;
};

}  // namespace skein
