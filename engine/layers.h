// Layers of a model: parameters and the op that uses them. A layer is a value; calling it records the op on the tape of
// its input. Parameters are named as in PyTorch: NAME.weight, NAME.bias, NAME.running_mean, NAME.running_var.
#pragma once

#include "engine/dense_features.h"
#include "engine/ops.h"
#include "engine/parameters.h"

namespace skein {

// Convolution with a square kernel, padding kernel/2 and no bias, since a batch norm follows. Initial weights:
// N(0, 2/(kernel^2 out)), He et al. 2015 (arXiv 1502.01852), section 2.2, in the form for the backward pass.
class Conv2d {
 public:
  Conv2d(ParameterStore&, const std::string& name, int64_t in, int64_t out, int64_t kernel, int64_t stride);
  Var operator()(const Var& x) const { return conv2d(x, weight_, geometry_); }

 private:
  friend class BatchNorm;
  Var weight_;  // (out, kernel, kernel, in)
  ConvGeometry geometry_;
};

// Batch norm over the channels. Initial values: gamma (weight) 1 or 0, beta (bias) 0. No weight decay on either.
class BatchNorm {
 public:
  enum class Gamma : bool { zero, one };
  BatchNorm(ParameterStore&, const std::string& name, int64_t channels, Gamma gamma = Gamma::one);
  Var operator()(const Var& x) const { return batch_norm(x, gamma_, beta_, running_, false); }
  Var relu(const Var& x) const { return batch_norm(x, gamma_, beta_, running_, true); }
  Var add_relu(const Var& x, const Var& residual) const {
    return batch_norm(x, gamma_, beta_, running_, true, residual);
  }
  Var relu_conv(const Var& x, const Conv2d& conv) const {  // conv(relu(x)), does not keep relu(x)
    return batch_norm_conv(x, gamma_, beta_, running_, conv.weight_, conv.geometry_);
  }
  Var relu(const DenseFeatures& x) const { return x.norm_relu({gamma_, beta_, running_}); }
  Var relu_conv(const DenseFeatures& x, const Conv2d& conv) const {
    return x.norm_relu_conv({gamma_, beta_, running_}, conv.weight_, conv.geometry_);
  }

 private:
  Var gamma_, beta_;
  RunningStatistics running_;
};

// Fully connected layer: weight (out, in), bias (out), weight decay on both. Initial values:
//   uniform    weight and bias U(-1/sqrt(in), 1/sqrt(in)), as PyTorch
//   zero_bias  the same weight, bias 0
//   normal     weight N(0, 0.01^2), bias 0
class Linear {
 public:
  enum class Start { uniform, zero_bias, normal };
  Linear(ParameterStore&, const std::string& name, int64_t in, int64_t out, Start start = Start::uniform);
  Var operator()(const Var& x) const { return linear(x, weight_, bias_); }

 private:
  Var weight_, bias_;
};

}  // namespace skein
