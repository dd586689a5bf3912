// Reverse-mode automatic differentiation. A Variable is a value and, during backward(), its gradient. A Tape is the
// list of backward steps in the order in which the forward pass recorded them. Execution order reversed is a
// topological order, so backward() runs the list from the end; there is no graph and no sort. The memory of a gradient
// is released as soon as the step of the op that made its value has run, so the backward pass reuses a few buffers.
#pragma once

#include <array>
#include <functional>
#include <tuple>
#include <utility>

#include "engine/arena.h"
#include "kernels/device/queue.h"
#include "kernels/dropout.h"

namespace skein {

class Tape;

struct Variable {
  Tensor value;
  Tensor shadow;  // parameters only: bf16 copy of value, which convolutions read; undefined if activations are f32
  Tensor grad;    // parameters: slice of the flat gradient; others: undefined except during backward()
  bool needs_grad = false;
  bool has_grad = false;  // grad holds at least one term of this step's sum
  Tape* tape = nullptr;   // null for a parameter
  bool released = false;  // the memory of value was returned to the arena
};
using Var = std::shared_ptr<Variable>;

// Part of a training step that a tape is in. update: after backward(), until reset().
enum class Pass : uint8_t { forward, backward, update };

class Tape {
 public:
  Tape(Queue queue, Arena& arena) : queue(queue), arena_(arena) {}
  const Queue queue;
  bool training = true;    // false: nothing is recorded, batch norm uses the running statistics
  int64_t macs = 0;        // multiply-accumulates of the convolutions and linear layers since reset()
  DropoutStream draws;     // random stream of dropout; dropout() needs its step to be set
  bool recompute = false;  // activation checkpointing: blocks keep no inner activations (engine/recompute.h)
  // To be set before the forward pass. backward() calls it for each parameter as soon as its gradient is final, in the
  // same order in every step of a model.
  std::function<void(const Variable&)> on_grad_ready;

  Var input(Tensor value) { return std::make_shared<Variable>(Variable{std::move(value), {}, {}, false, false, this}); }
  // Result of an op. Its memory returns to the arena with the last reference to the variable.
  Var output(DType t, Shape s) { return own({arena_.take(t, s), {}, {}, training, false, this}); }
  // Result of an op that overwrites the value of x, a result of output(). x counts as released.
  Var in_memory_of(const Var& x);
  Tensor scratch(DType t, Shape s) { return arena_.take(t, s); }
  void release(const Tensor& scratch) { arena_.release(scratch); }
  void release(const Var& x);  // x: a result of output() whose value no later work reads; no effect the second time
  // True while a block is recomputed for its gradients: ops must skip side effects such as running statistics.
  bool recomputing() const { return recomputing_; }
  Pass pass() const { return pass_; }
  // Number of backward steps recorded and not yet taken. While a backward step runs, it is at least the number at which
  // the forward pass ran the same op, and less than that of the next op.
  size_t recorded() const { return steps_.size(); }

  template <class F, class... A>
  void run(const Kernel<F>& kernel, A&&... operands) const {
    queue.run(kernel, std::forward<A>(operands)...);
  }

  // Records the backward step of an op. backward() calls write(dy, dx...) with the gradient of `y` and one view per
  // input; write overwrites each view with that input's gradient. The view is absent for an input that needs no
  // gradient. Kernels never add to a gradient: if a variable is used more than once, the tape adds the terms. The step
  // is skipped if the loss does not depend on y. Where no input needs a gradient, neither does y: the backward pass
  // ends above layers that are frozen.
  template <class Write, class... Inputs>
  void on_backward(const Var& y, Write write, const Inputs&... inputs) {
    if (!training) return;
    y->needs_grad = (inputs->needs_grad || ...);
    if (!y->needs_grad) return;
    (schedule_grad_ready(inputs), ...);
    if (!recording_) return;
    steps_.push_back([this, y, write, inputs...] {
      if (!y->has_grad) return;
      write_targets([&](const auto&... dx) { write(y->grad.view(), dx...); }, inputs...);
      arena_.release(y->grad);
      y->grad = {};
      y->has_grad = false;
    });
  }

  // Records the backward step of an op that keeps the gradient of its result itself: DenseFeatures::append(), whose
  // result is part of a buffer, and add_to(). backward() calls write(dx...) if ready() is true, that is, if there is
  // such a gradient.
  template <class Ready, class Write, class... Inputs>
  void on_backward_if(Ready ready, Write write, const Inputs&... inputs) {
    if (!training || !(inputs->needs_grad || ...)) return;
    (schedule_grad_ready(inputs), ...);
    if (!recording_) return;
    steps_.push_back([this, ready, write, inputs...] {
      if (ready()) write_targets(write, inputs...);
    });
  }

  // Runs block() and records it as one backward step, for engine/recompute.h. With `recompute` set, everything that the
  // block takes from the arena is released again except the value of its result, and the backward step runs the block
  // a second time. Otherwise the same as block().
  Var run_block(const std::function<Var()>& block);

  // Computes the gradients of `loss`, a tensor of one element, with respect to everything it depends on. The gradients
  // of parameters are overwritten.
  void backward(const Var& loss);

  // Ends the step: all recorded steps are dropped and all memory returns to the arena.
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
  Tensor grad_target(Variable& x);                        // x.grad for the first term of the sum, else scratch
  void accumulate_grad(Variable& x, const Tensor& part);  // adds `part` to x.grad unless it is x.grad
  // Records the call of on_grad_ready before the step of the parameter's first use, which backward() runs last.
  void schedule_grad_ready(const Var& x);
  // Backward step of run_block(): recomputes the block, whose result was y, and runs its backward steps.
  void run_block_again(const std::function<Var()>& block, const Var& y);
  void unwind(size_t remaining);  // runs steps from the end until `remaining` are left

  Arena& arena_;
  std::vector<std::function<void()>> steps_;
  std::vector<Variable*> parameters_;       // parameters that have a gradient in this step
  std::vector<const Variable*> scheduled_;  // parameters whose on_grad_ready is recorded
  // Replaced by reset(), so that variables of earlier steps do not release memory that is free already.
  std::shared_ptr<Arena*> step_ = std::make_shared<Arena*>(&arena_);
  Pass pass_ = Pass::forward;
  bool recording_ = true;     // false during the first run of a block that will be recomputed
  bool recomputing_ = false;  // true during its second run
};

}  // namespace skein
