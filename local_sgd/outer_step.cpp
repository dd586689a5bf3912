#include "local_sgd/outer_step.h"

#include "kernels/sgd_step.h"
#include "kernels/vector.h"

namespace skein {

OuterStep::OuterStep(OuterMomentum outer, int64_t size, Queue queue) : outer_(outer), queue_(queue) {
  if (!outer_.active()) return;
  momentum_ = Tensor::zeros(queue.device, DType::f32, {size});
  rate_ = Tensor::from(queue.device, std::span<const float>(&outer_.rate, 1), {1});
}

void OuterStep::apply(View consensus, View delta) {
  if (outer_.active())
    queue_.run(kernel::sgd_step, consensus, delta, momentum_, View{}, rate_.view().as<float>(),
               SgdHyper{outer_.momentum, 0.0f, outer_.nesterov}, 0);
  else
    queue_.run(kernel::sub, consensus, delta, consensus);
}

}  // namespace skein
