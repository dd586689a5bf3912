#include "engine/autograd.h"

#include <algorithm>

#include "kernels/check.h"
#include "kernels/vector.h"

namespace skein {

Tensor Tape::target(Variable& x) {
  if (!x.needs_grad) return {};
  if (x.has_grad) return scratch(x.value.dtype(), x.value.shape());
  if (!x.grad.defined()) x.grad = scratch(x.value.dtype(), x.value.shape());
  if (!x.tape) parameters_.push_back(&x);
  x.has_grad = true;
  return x.grad;
}

void Tape::settle(Variable& x, const Tensor& part) {
  if (!x.needs_grad || part.view().data == x.grad.view().data) return;
  run(cpu::axpy, cuda::axpy, 1.0f, part, x.grad);
  arena_.give_back(part);
}

void Tape::announce(const Var& x) {
  if (!on_final || !x->needs_grad || x->tape) return;
  if (std::find(announced_.begin(), announced_.end(), x.get()) != announced_.end()) return;
  announced_.push_back(x.get());
  steps_.push_back([this, x] { on_final(*x); });
}

void Tape::backward(const Var& loss) {
  CHECK(training && loss->value.numel() == 1, "backward() starts from one number, recorded while training");
  loss->grad = scratch(DType::f32, {1});
  run(cpu::fill, cuda::fill, 1.0f, loss->grad);
  loss->has_grad = true;
  while (!steps_.empty()) {  // a step is dropped when it has run: what only it holds is free
    steps_.back()();
    steps_.pop_back();
  }
  for (Variable* p : parameters_) p->has_grad = false;
  parameters_.clear();
}

void Tape::reset() {
  steps_.clear();
  announced_.clear();
  arena_.reset();
  macs = 0;
}

}  // namespace skein
