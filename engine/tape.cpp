#include "engine/tape.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "kernels/vector.h"

namespace skein {

Var Tape::own(Variable v) {
  return {new Variable(std::move(v)), [step = std::weak_ptr(step_)](Variable* last) {
            if (const auto arena = step.lock(); arena && !last->released) (*arena)->release(last->value);
            delete last;
          }};
}

Var Tape::in_memory_of(const Var& x) {
  Var y = own(*x);
  x->released = true;
  return y;
}

Tensor Tape::grad_target(Variable& x) {
  if (!x.needs_grad) return {};
  if (x.has_grad) return scratch(x.value.dtype(), x.value.shape());
  if (!x.grad.defined()) x.grad = scratch(x.value.dtype(), x.value.shape());
  if (!x.tape) parameters_.push_back(&x);
  x.has_grad = true;
  return x.grad;
}

void Tape::accumulate_grad(Variable& x, const Tensor& part) {
  if (!x.needs_grad || part.view().data == x.grad.view().data) return;
  run(kernel::axpy, 1.0f, part, x.grad);
  arena_.release(part);
}

void Tape::schedule_grad_ready(const Var& x) {
  if (!on_grad_ready || !x->needs_grad || x->tape) return;
  if (std::find(scheduled_.begin(), scheduled_.end(), x.get()) != scheduled_.end()) return;
  scheduled_.push_back(x.get());
  steps_.push_back([this, x] { on_grad_ready(*x); });
}

void Tape::release(const Var& x) {
  if (!std::exchange(x->released, true)) arena_.release(x->value);
}

Var Tape::run_block(const std::function<Var()>& block) {
  if (!training || !recompute) return block();
  const int64_t taken = arena_.taken();
  const bool recording = std::exchange(recording_, false);
  const Var y = block();
  recording_ = recording;
  arena_.release(taken, arena_.taken(), y->value);
  // The first run has recorded on_grad_ready for the block's parameters, so the order is that of a tape that keeps all.
  if (recording_) steps_.push_back([this, block, y] { run_block_again(block, y); });
  return y;
}

// All steps after the block have run, so the value of y is not read any more: release it before recomputing it.
void Tape::run_block_again(const std::function<Var()>& block, const Var& y) {
  if (!y->has_grad) return;
  release(y);
  const size_t remaining = steps_.size();
  const int64_t taken = arena_.taken(), macs_before = macs;
  const bool again = std::exchange(recomputing_, true);
  Var same = block();
  recomputing_ = again;
  macs = macs_before;
  const int64_t end = arena_.taken();
  same->grad = std::exchange(y->grad, {});
  same->has_grad = std::exchange(y->has_grad, false);
  unwind(remaining);
  same.reset();
  arena_.release(taken, end);
}

// Each step is destroyed after it has run, which releases the variables that only it refers to.
void Tape::unwind(size_t remaining) {
  while (steps_.size() > remaining) {
    const std::function<void()> step = std::move(steps_.back());  // moved out: the step may record others
    steps_.pop_back();
    step();
  }
}

void Tape::backward(const Var& loss) {
  CHECK(training && loss->value.numel() == 1, "backward() starts from one number, recorded while training");
  pass_ = Pass::backward;
  loss->grad = scratch(DType::f32, {1});
  run(kernel::fill, 1.0f, loss->grad);
  loss->has_grad = true;
  unwind(0);
  pass_ = Pass::update;
  for (Variable* p : parameters_) p->has_grad = false;
  parameters_.clear();
}

void Tape::reset() {
  steps_.clear();
  scheduled_.clear();
  step_ = std::make_shared<Arena*>(&arena_);
  arena_.reset();
  macs = 0;
  pass_ = Pass::forward;
  recording_ = true;
  recomputing_ = false;
}

}  // namespace skein
