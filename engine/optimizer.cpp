#include "engine/optimizer.h"

namespace skein {

Optimizer::Optimizer(ParameterStore& parameters, Queue queue)
    : parameters_(parameters), queue_(queue), rate_(Tensor::zeros(queue.device, DType::f32, {1})) {}

void Optimizer::set_rate(float rate) { queue_.run(kernel::copy_from_host, &rate, rate_); }

void Sgd::step_on(const Queue& queue) {
  queue.run(kernel::sgd_step, parameters_.value, parameters_.grad, parameters_.velocity, parameters_.shadow,
            rate_.view().as<float>(), hyper_, parameters_.decayed());
}

void Adamw::step_on(const Queue& queue) {
  queue.run(kernel::adamw_step, parameters_.value, parameters_.grad, parameters_.velocity, parameters_.second_moment,
            parameters_.shadow, parameters_.updates, rate_.view().as<float>(), hyper_, parameters_.decayed());
}

}  // namespace skein
