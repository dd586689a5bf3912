#include "engine/dry_pass.h"

#include "engine/ops.h"

namespace skein {

DryPass dry_pass(const std::function<Var(const Var&)>& network, Shape images, DType type, bool recompute,
                 const KernelObserver& observer, const std::function<void()>& after_forward) {
  DryPass out;
  Arena arena(Device::cpu, Arena::Backing::none);
  Tape tape(Queue{Device::cpu, nullptr, &observer}, arena);
  tape.recompute = recompute;
  const uint32_t step = 0;
  tape.draws.step = &step;
  const Tensor batch = Tensor::meta(Device::cpu, type, images);
  const Var logits = network(tape.input(batch));
  out.forward = arena.peak();
  after_forward();
  tape.backward(cross_entropy(logits, Tensor::meta(Device::cpu, DType::i32, {images[0]})).mean);
  out.step = arena.peak() + batch.view().bytes();
  return out;
}

size_t planned_bytes(const ParameterStore& p) {
  size_t bytes = 0;
  for (const Tensor* t : {&p.value, &p.grad, &p.velocity, &p.shadow, &p.running_statistics})
    if (t->defined()) bytes += t->view().bytes();
  return bytes;
}

}  // namespace skein
