#include "local_sgd/outer_step.h"

#include "base/check.h"
#include "kernels/device/runtime.h"
#include "kernels/sgd_step.h"
#include "kernels/vector.h"

namespace skein {

OuterStep::OuterStep(OuterMomentum outer, int64_t size, Queue queue) : outer_(outer), queue_(queue) {
  if (!outer_.active()) return;
  momentum_ = Tensor::zeros(queue.device, DType::f32, {size});
  rate_ = Tensor::from(queue.device, std::span<const float>(&outer_.rate, 1), {1});
}

void OuterStep::apply(View consensus, View delta, double gamma) {
  if (outer_.form == OuterForm::slowmo) {
    CHECK(gamma > 0, "a learning rate of {}", gamma);
    queue_.run(kernel::scale, float(1 / gamma), delta);
    const float rate = float(double(outer_.rate) * gamma);
    queue_.run(kernel::copy_from_host, &rate, rate_);
  }
  queue_.run(kernel::sgd_step, consensus, delta, momentum_, View{}, rate_.view().as<float>(),
             SgdHyper{outer_.momentum, 0.0f, outer_.nesterov}, 0);
}

}  // namespace skein
