// The differentiable operations. Each is engine/ops/<name>.cpp: take the output, run the forward kernel, say what to do
// backwards. Formulas and shapes: kernels/<name>.h.
#pragma once

#include "engine/tape.h"
#include "kernels/conv.h"

namespace skein {

struct BatchNormState {
  Var running_mean, running_var;  // (C), changed by a training forward pass
  float momentum = 0.1f, eps = 1e-5f;
};

struct Loss {
  Var mean;        // (1) f32
  Tensor correct;  // (2) i32: rows right at top 1 and at top 5
};

Var add(const Var& a, const Var& b);
Var add_to(const Var& a, const Var& b);  // in the memory of a, whose last use it is
Var average_pool(const Var& x);
Var batch_norm(const Var& x, const Var& gamma, const Var& beta, const BatchNormState&, bool relu,
               const Var& residual = nullptr);
// conv2d(relu(batch_norm(x))), where what lies between is made again for the backward pass and not kept.
Var batch_norm_conv(const Var& x, const Var& gamma, const Var& beta, const BatchNormState&, const Var& w, ConvGeometry);
Var conv2d(const Var& x, const Var& w, ConvGeometry);
Loss cross_entropy(const Var& logits, const Tensor& labels);
Var downsample(const Var& x, int64_t stride, int64_t channels);
Var dropout(const Var& x, float rate, uint32_t layer);
Var global_average_pool(const Var& x);
Var linear(const Var& x, const Var& w, const Var& b);
Var max_pool(const Var& x);
Var relu(const Var& x);

}  // namespace skein
