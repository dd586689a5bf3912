// Reverse-mode differentiation in two types. A Variable is a value and, while the tape unwinds, its gradient. A Tape is
// the list of things to do backwards in the order the forward pass did them; run from the end it is a topological
// order, so there is no graph and no sort. A gradient's memory is given back as soon as the step that made its value
// has run, so the backward pass lives in a few buffers that stay in the cache.
#pragma once

#include <array>
#include <functional>
#include <tuple>

#include "engine/tensor.h"

namespace skein {

class Tape;

struct Variable {
  Tensor value;
  Tensor grad;  // of a parameter: its slice of the flat gradient; otherwise undefined but during backward()
  bool needs_grad = false;
  bool has_grad = false;  // grad holds part of this step's sum
  Tape* tape = nullptr;   // null for a parameter
};
using Var = std::shared_ptr<Variable>;

class Tape {
 public:
  Tape(Queue queue, Arena& arena) : queue(queue), arena_(arena) {}
  const Queue queue;
  bool training = true;  // false: nothing is recorded, batch norm uses the running statistics
  int64_t macs = 0;      // multiply-adds of the convolutions and linear layers since reset()

  Var input(Tensor value) { return std::make_shared<Variable>(Variable{std::move(value), {}, false, false, this}); }
  Var output(DType t, Shape s) {
    return std::make_shared<Variable>(Variable{arena_.take(t, s), {}, training, false, this});
  }
  Tensor scratch(DType t, Shape s) { return arena_.take(t, s); }

  template <class F, class... A>
  void run(F* on_cpu, F* on_cuda, A&&... args) {
    queue.run(on_cpu, on_cuda, std::forward<A>(args)...);
  }

  // Later, in backward(), calls write(dy, dx...) with the gradient of `y` and one view per input, which write
  // overwrites with that input's gradient; an input that needs none gets an absent view. Kernels never add to a
  // gradient: where a variable was used twice the tape adds, here and nowhere else.
  template <class Write, class... Inputs>
  void on_backward(const Var& y, Write write, const Inputs&... inputs) {
    if (!training || !(inputs->needs_grad || ...)) return;
    steps_.push_back([this, y, write, inputs...] {
      if (!y->has_grad) return;  // nothing that was differentiated depends on y
      const std::array<Tensor, sizeof...(Inputs)> targets{target(*inputs)...};
      std::apply([&](const auto&... part) { write(y->grad.view(), part.view()...); }, targets);
      size_t i = 0;
      (settle(*inputs, targets[i++]), ...);
      arena_.give_back(y->grad);
      y->grad = {};
      y->has_grad = false;
    });
  }

  // Gradients of `loss` (one number) for everything it depends on. A parameter's gradient is overwritten.
  void backward(const Var& loss);

  // Forgets the step: every tensor taken from this tape is free for the next one.
  void reset();

 private:
  Tensor target(Variable& x);                    // x.grad if this is its first part of the sum, else scratch
  void settle(Variable& x, const Tensor& part);  // adds scratch to x.grad

  Arena& arena_;
  std::vector<std::function<void()>> steps_;
  std::vector<Variable*> parameters_;  // that have a gradient in this step
};

}  // namespace skein
