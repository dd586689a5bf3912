// The building blocks of a model: parameters and the op that uses them. A layer is a value; calling it records on the
// tape of its input. Names follow PyTorch: NAME.weight, NAME.bias, NAME.running_mean, NAME.running_var.
#pragma once

#include "engine/ops.h"
#include "engine/parameters.h"

namespace skein {

// Square kernel, padding kernel/2, no bias: a batch norm always follows. Initialised N(0, 2/(kernel^2 * out)).
class Conv2d {
 public:
  Conv2d(ParameterStore&, const std::string& name, int64_t in, int64_t out, int64_t kernel, int64_t stride);
  Var operator()(const Var& x) const { return conv2d(x, weight_, geometry_); }

 private:
  Var weight_;  // (out, kernel, kernel, in)
  ConvGeometry geometry_;
};

// gamma (weight) 1, beta (bias) 0, neither decayed.
class BatchNorm {
 public:
  BatchNorm(ParameterStore&, const std::string& name, int64_t channels);
  Var operator()(const Var& x) const { return batch_norm(x, gamma_, beta_, state_, false); }
  Var relu(const Var& x) const { return batch_norm(x, gamma_, beta_, state_, true); }
  Var add_relu(const Var& x, const Var& residual) const { return batch_norm(x, gamma_, beta_, state_, true, residual); }

 private:
  Var gamma_, beta_;
  BatchNormState state_;
};

// weight (out, in) and bias from U(-1/sqrt(in), 1/sqrt(in)), both decayed.
class Linear {
 public:
  Linear(ParameterStore&, const std::string& name, int64_t in, int64_t out);
  Var operator()(const Var& x) const { return linear(x, weight_, bias_); }

 private:
  Var weight_, bias_;
};

}  // namespace skein
