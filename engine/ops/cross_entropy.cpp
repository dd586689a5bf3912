#include "kernels/cross_entropy.h"

#include "engine/ops.h"

namespace skein {

Loss cross_entropy(const Var& logits, const Tensor& labels, const SoftTargets& soft) {
  Tape& t = *logits->tape;
  Loss loss{t.output(DType::f32, {1}), t.scratch(DType::i32, {2})};
  const Tensor dlogits = t.training ? t.scratch(logits->value.dtype(), logits->value.shape()) : Tensor{};
  t.run(kernel::cross_entropy, logits->value, labels, soft.second, soft.weight, soft.smoothing, loss.mean->value,
        loss.correct, dlogits);
  // The forward pass has computed the gradient. The loss is the end of every network, so its own gradient is 1.
  t.on_backward(
      loss.mean, [&t, dlogits](View, View d) { t.run(kernel::copy, dlogits, d); }, logits);
  return loss;
}

}  // namespace skein
