// The building blocks of a model: parameters and the op that uses them. A layer is a value; calling it records on the
// tape of its input. Names follow PyTorch: NAME.weight, NAME.bias, NAME.running_mean, NAME.running_var.
#pragma once

#include "engine/dense_features.h"
#include "engine/ops.h"
#include "engine/parameters.h"

namespace skein {

// Square kernel, padding kernel/2, no bias: a batch norm always follows. Initialised N(0, 2/(kernel^2 * out)).
class Conv2d {
 public:
  Conv2d(ParameterStore&, const std::string& name, int64_t in, int64_t out, int64_t kernel, int64_t stride);
  Var operator()(const Var& x) const { return conv2d(x, weight_, geometry_); }

 private:
  friend class BatchNorm;
  Var weight_;  // (out, kernel, kernel, in)
  ConvGeometry geometry_;
};

// gamma (weight) 1 or `gamma`, beta (bias) 0, neither decayed.
class BatchNorm {
 public:
  enum class Gamma : bool { zero, one };
  BatchNorm(ParameterStore&, const std::string& name, int64_t channels, Gamma gamma = Gamma::one);
  Var operator()(const Var& x) const { return batch_norm(x, gamma_, beta_, state_, false); }
  Var relu(const Var& x) const { return batch_norm(x, gamma_, beta_, state_, true); }
  Var add_relu(const Var& x, const Var& residual) const { return batch_norm(x, gamma_, beta_, state_, true, residual); }
  Var relu_conv(const Var& x, const Conv2d& conv) const {  // conv(relu(x)) in less memory
    return batch_norm_conv(x, gamma_, beta_, state_, conv.weight_, conv.geometry_);
  }
  Var relu(const DenseFeatures& x) const { return x.norm_relu({gamma_, beta_, state_}); }
  Var relu_conv(const DenseFeatures& x, const Conv2d& conv) const {
    return x.norm_relu_conv({gamma_, beta_, state_}, conv.weight_, conv.geometry_);
  }

 private:
  Var gamma_, beta_;
  BatchNormState state_;
};

// weight (out, in) and bias from U(-1/sqrt(in), 1/sqrt(in)), both decayed; or the bias 0; or N(0, 0.01) and bias 0.
class Linear {
 public:
  enum class Start { uniform, zero_bias, normal };
  Linear(ParameterStore&, const std::string& name, int64_t in, int64_t out, Start start = Start::uniform);
  Var operator()(const Var& x) const { return linear(x, weight_, bias_); }

 private:
  Var weight_, bias_;
};

}  // namespace skein
