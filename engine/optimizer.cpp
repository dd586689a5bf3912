#include "engine/optimizer.h"

namespace skein {

Sgd::Sgd(ParameterStore& parameters, SgdHyper hyper, Queue queue)
    : parameters_(parameters), hyper_(hyper), queue_(queue), rate_(Tensor::zeros(queue.device, DType::f32, {1})) {}

void Sgd::set_rate(float rate) { queue_.run(kernel::copy_from_host, &rate, rate_); }

void Sgd::step() {
  queue_.run(kernel::sgd_step, parameters_.value, parameters_.grad, parameters_.velocity, parameters_.shadow,
             rate_.view().as<float>(), hyper_, parameters_.decayed());
}

}  // namespace skein
