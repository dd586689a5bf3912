#include "engine/dense_features.h"

#include "base/check.h"
#include "engine/precision.h"

namespace skein {

struct DenseFeatures::Block {
  explicit Block(Tape& t) : tape(t) {}
  Tape& tape;
  Tensor features, mean, var;       // mean and variance of each channel, in training only
  Tensor dfeatures, offset, slope;  // during backward() only

  Shape prefix(int64_t channels) const {
    const Shape s = features.shape();
    return {s[0], s[1], s[2], channels};
  }
  // Memory for the full block, whatever the prefix: one size, so that the arena gives all layers the same memory.
  Tensor scratch() const { return tape.scratch(features.dtype(), features.shape()); }
  DenseStats stats() const { return {mean, var}; }

  void normalise(const Reader& r, bool first_time, View y) const {
    const BatchNormRunning running{r.state.mean->value, r.state.var->value, r.state.momentum};
    const bool trained = tape.training && r.gamma->needs_grad;
    const DenseStats used = trained ? stats() : DenseStats{running.mean, running.var};
    tape.run(kernel::dense_norm, features, used, r.gamma->value, r.beta->value, r.state.eps,
             trained && first_time && !tape.recomputing() ? running : BatchNormRunning{}, y);
  }

  void add_gradient(const Reader& r, View dy, View dgamma, View dbeta) {
    const bool add = dfeatures.defined();
    if (!add) {
      dfeatures = tape.scratch(Precision::statistics, features.shape());
      for (Tensor* sums : {&offset, &slope}) *sums = tape.scratch(DType::f32, mean.shape());
    }
    tape.run(kernel::dense_norm_backward, features, stats(), r.gamma->value, r.beta->value, r.state.eps, dy, add,
             dfeatures, DenseSums{offset, slope}, dgamma, dbeta);
  }

  void take_gradient(int64_t first, View dx) {
    tape.run(kernel::dense_append_backward, features, stats(), dfeatures, DenseSums{offset, slope}, first, dx);
    if (first > 0) return;
    for (Tensor* done : {&dfeatures, &offset, &slope}) tape.release(*done), *done = {};
  }
};

DenseFeatures::DenseFeatures(const Var& input, int64_t channels) {
  Tape& t = *input->tape;
  block_ = std::make_shared<Block>(t);
  const Shape s = input->value.shape();
  block_->features = t.scratch(input->value.dtype(), {s[0], s[1], s[2], channels});
  if (t.training) {
    block_->mean = t.scratch(Precision::statistics, {channels});
    block_->var = t.scratch(Precision::statistics, {channels});
  }
  append(input);
}

Tape& DenseFeatures::tape() const { return block_->tape; }

void DenseFeatures::append(const Var& x) {
  Tape& t = block_->tape;
  const int64_t first = channels_;
  t.run(kernel::dense_append, x->value, first, block_->features, block_->stats());
  t.release(x);
  channels_ += x->value.view().channels();
  t.on_backward_if([b = block_] { return b->dfeatures.defined(); },
                   [b = block_, first](View dx) { b->take_gradient(first, dx); }, x);
}

Var DenseFeatures::norm_relu(const Reader& r) const {
  Tape& t = block_->tape;
  Var y = t.output(block_->features.dtype(), block_->prefix(channels_));
  block_->normalise(r, true, y->value);
  t.on_backward(
      y, [b = block_, r](View dy, View dgamma, View dbeta) { b->add_gradient(r, dy, dgamma, dbeta); }, r.gamma, r.beta);
  return y;
}

Var DenseFeatures::norm_relu_conv(const Reader& r, const Var& w, ConvGeometry g) const {
  Tape& t = block_->tape;
  const Shape in = block_->prefix(channels_), filter = w->value.shape();
  const Tensor& weights = Precision{block_->features.dtype()}.weights(w);
  Var y = t.output(block_->features.dtype(), {in[0], g.out(in[1], filter[1]), g.out(in[2], filter[2]), filter[0]});
  const Tensor memory = block_->scratch(), normal = memory.reshape(in);
  block_->normalise(r, true, normal);
  t.run(kernel::conv_forward, normal, weights, g, y->value);
  t.release(memory);
  t.macs += y->value.numel() * filter[1] * filter[2] * filter[3];
  t.on_backward(
      y,
      [&t, b = block_, r, weights, g, in](View dy, View dgamma, View dbeta, View dw) {
        const Tensor memory = b->scratch(), normal = memory.reshape(in);
        b->normalise(r, false, normal);
        t.run(kernel::conv_backward_weights, normal, dy, g, dw);
        const Tensor& dnormal = normal;  // overwrites `normal`, whose last use was above
        t.run(kernel::conv_backward_data, dy, weights, g, dnormal);
        b->add_gradient(r, dnormal, dgamma, dbeta);
        t.release(memory);
      },
      r.gamma, r.beta, w);
  return y;
}

}  // namespace skein
