// Reverse-mode differentiation in two types. A Variable is a value and, while the tape unwinds, its gradient. A Tape is
// the list of things to do backwards in the order the forward pass did them; run from the end it is a topological
// order, so there is no graph and no sort. A gradient's memory is given back as soon as the step that made its value
// has run, so the backward pass lives in a few buffers that stay in the cache.
#pragma once

#include <array>
#include <functional>
#include <tuple>
#include <utility>

#include "engine/arena.h"
#include "kernels/dropout.h"
#include "kernels/queue.h"

namespace skein {

class Tape;

struct Variable {
  Tensor value;
  Tensor shadow;  // of a parameter, where activations are bf16: its value in bf16, for the convolutions
  Tensor grad;    // of a parameter: its slice of the flat gradient; otherwise undefined but during backward()
  bool needs_grad = false;
  bool has_grad = false;  // grad holds part of this step's sum
  Tape* tape = nullptr;   // null for a parameter
  bool released = false;  // the memory of value is the arena's again
};
using Var = std::shared_ptr<Variable>;

class Tape {
 public:
  Tape(Queue queue, Arena& arena) : queue(queue), arena_(arena) {}
  const Queue queue;
  bool training = true;    // false: nothing is recorded, batch norm uses the running statistics
  int64_t macs = 0;        // multiply-adds of the convolutions and linear layers since reset()
  DropoutStream draws;     // where dropout draws from; without a step it may not be used
  bool recompute = false;  // blocks keep nothing of their inside for backward(): engine/recompute.h
  // Set before the forward pass: backward() calls it for each parameter as soon as nothing will be added to its
  // gradient any more, in the same order in every step of a model.
  std::function<void(const Variable&)> on_grad_ready;

  Var input(Tensor value) { return std::make_shared<Variable>(Variable{std::move(value), {}, {}, false, false, this}); }
  // Its memory is free for others as soon as nobody holds the variable.
  Var output(DType t, Shape s) { return own({arena_.take(t, s), {}, {}, training, false, this}); }
  Var in_memory_of(const Var& x);  // of output(), whose value it is to overwrite
  Tensor scratch(DType t, Shape s) { return arena_.take(t, s); }
  void release(const Tensor& scratch) { arena_.release(scratch); }
  void release(const Var& x);  // of output(), whose value nothing reads any more; once is enough
  // A block runs for the second time: what a forward pass changes for good has been changed.
  bool recomputing() const { return recomputing_; }

  template <class F, class... A>
  void run(const Kernel<F>& kernel, A&&... operands) const {
    queue.run(kernel, std::forward<A>(operands)...);
  }

  // Later, in backward(), calls write(dy, dx...) with the gradient of `y` and one view per input, which write
  // overwrites with that input's gradient; an input that needs none gets an absent view. Kernels never add to a
  // gradient: where a variable was used twice the tape adds, here and meta else.
  template <class Write, class... Inputs>
  void on_backward(const Var& y, Write write, const Inputs&... inputs) {
    if (!training || !(inputs->needs_grad || ...)) return;
    (schedule_grad_ready(inputs), ...);
    if (forgetful_) return;
    steps_.push_back([this, y, write, inputs...] {
      if (!y->has_grad) return;  // nothing that was differentiated depends on y
      write_targets([&](const auto&... dx) { write(y->grad.view(), dx...); }, inputs...);
      arena_.release(y->grad);
      y->grad = {};
      y->has_grad = false;
    });
  }

  // The same for what keeps its own gradient elsewhere (engine/dense_features.h): write(dx...) if ready().
  template <class Ready, class Write, class... Inputs>
  void on_backward_if(Ready ready, Write write, const Inputs&... inputs) {
    if (!training || !(inputs->needs_grad || ...)) return;
    (schedule_grad_ready(inputs), ...);
    if (forgetful_) return;
    steps_.push_back([this, ready, write, inputs...] {
      if (ready()) write_targets(write, inputs...);
    });
  }

  // block() as one step, for engine/recompute.h: of what it takes, only the value of its result is kept.
  Var run_block(const std::function<Var()>& block);

  // Gradients of `loss` (one number) for everything it depends on. A parameter's gradient is overwritten.
  void backward(const Var& loss);

  // Forgets the step: every tensor taken from this tape is free for the next one.
  void reset();

 private:
  template <class Write, class... Inputs>
  void write_targets(const Write& write, const Inputs&... inputs) {
    const std::array<Tensor, sizeof...(Inputs)> targets{grad_target(*inputs)...};
    std::apply([&](const auto&... part) { write(part.view()...); }, targets);
    size_t i = 0;
    (accumulate_grad(*inputs, targets[i++]), ...);
  }
  Var own(Variable);
  Tensor grad_target(Variable& x);                        // x.grad if this is its first part of the sum, else scratch
  void accumulate_grad(Variable& x, const Tensor& part);  // adds scratch to x.grad
  void schedule_grad_ready(const Var& x);  // before the step of its first use is recorded, which runs last
  void run_block_again(const std::function<Var()>& block, const Var& y);
  void unwind(size_t remaining);  // runs the last steps, until so many remain

  Arena& arena_;
  std::vector<std::function<void()>> steps_;
  std::vector<Variable*> parameters_;  // that have a gradient in this step
  std::vector<const Variable*> scheduled_;
  std::shared_ptr<Arena*> step_ = std::make_shared<Arena*>(&arena_);  // gone with the step: its memory is free anyway
  bool forgetful_ = false;  // a block runs whose steps would only be recorded in its second run
  bool recomputing_ = false;
};

}  // namespace skein
