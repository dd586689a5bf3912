#include "engine/ops.h"
#include "engine/precision.h"
#include "kernels/batch_norm.h"

namespace skein {

Var batch_norm_conv(const Var& x, const Var& gamma, const Var& beta, const RunningStatistics& state, const Var& w,
                    ConvGeometry g) {
  Tape& t = *x->tape;
  if (!t.training || !gamma->needs_grad) return conv2d(batch_norm(x, gamma, beta, state, true), w, g);
  const Shape in = x->value.shape(), filter = w->value.shape(), channels{in[3]};
  const Tensor& weights = Precision::of(x).weights(w);
  const Tensor mean = t.scratch(Precision::statistics, channels), rstd = t.scratch(Precision::statistics, channels);
  const auto normalise = [&t, x, gamma, beta, eps = state.eps, saved = BatchNormStats{mean, rstd}](
                             BatchNormRunning running, View y) {
    t.run(kernel::batch_norm_forward, x->value, gamma->value, beta->value, View{}, true, eps, running, y, saved);
  };

  Var y = t.output(x->value.dtype(), {in[0], g.out(in[1], filter[1]), g.out(in[2], filter[2]), filter[0]});
  const Tensor normal = t.scratch(x->value.dtype(), in);
  normalise(
      t.recomputing() ? BatchNormRunning{} : BatchNormRunning{state.mean->value, state.var->value, state.momentum},
      normal);
  t.run(kernel::conv_forward, normal, weights, g, y->value);
  t.release(normal);
  t.macs += y->value.numel() * filter[1] * filter[2] * filter[3];
  t.on_backward(
      y,
      [&t, x, gamma, beta, saved = BatchNormStats{mean, rstd}, normalise, weights, g](View dy, View dx, View dgamma,
                                                                                      View dbeta, View dw) {
        const Tensor normal = t.scratch(x->value.dtype(), x->value.shape());
        normalise({}, normal);
        t.run(kernel::conv_backward_weights, normal, dy, g, dw);
        const Tensor& dnormal = normal;  // overwrites `normal`, whose last use was above
        t.run(kernel::conv_backward_data, dy, weights, g, dnormal);
        t.run(kernel::batch_norm_backward, x->value, gamma->value, beta->value, View{}, true, saved, dnormal, dx,
              View{}, dgamma, dbeta);
        t.release(normal);
      },
      x, gamma, beta, w);
  return y;
}

}  // namespace skein
