#include "kernels/batch_norm.h"

#include "base/check.h"
#include "engine/ops.h"
#include "engine/precision.h"

namespace skein {
namespace {

BatchNormRunning running(const RunningStatistics& s) { return {s.mean->value, s.var->value, s.momentum}; }

}  // namespace

Var batch_norm(const Var& x, const Var& gamma, const Var& beta, const RunningStatistics& state, bool relu,
               const Var& residual) {
  Tape& t = *x->tape;
  Var y = t.output(x->value.dtype(), x->value.shape());
  const View added = residual ? residual->value.view() : View{};
  if (!t.training || !gamma->needs_grad) {  // in evaluation, and in frozen layers
    CHECK(!x->needs_grad && !(residual && residual->needs_grad), "a gradient below a frozen layer");
    y->needs_grad = false;
    t.run(kernel::batch_norm_inference, x->value, gamma->value, beta->value, added, relu, state.eps, running(state),
          y->value);
    return y;
  }
  const Shape channels{x->value.view().channels()};
  const Tensor mean = t.scratch(Precision::statistics, channels), rstd = t.scratch(Precision::statistics, channels);
  const BatchNormStats saved{mean, rstd};
  t.run(kernel::batch_norm_forward, x->value, gamma->value, beta->value, added, relu, state.eps,
        t.recomputing() ? BatchNormRunning{} : running(state), y->value, saved);
  auto backward = [&t, x, gamma, beta, relu, saved](View y, View dy, View dx, View dresidual, View dgamma, View dbeta) {
    t.run(kernel::batch_norm_backward, x->value, gamma->value, beta->value, y, relu, saved, dy, dx, dresidual, dgamma,
          dbeta);
  };
  if (residual)
    t.on_backward(
        y,
        [backward, y](View dy, View dx, View dresidual, View dgamma, View dbeta) {
          backward(y->value, dy, dx, dresidual, dgamma, dbeta);
        },
        x, residual, gamma, beta);
  else
    t.on_backward(
        y, [backward](View dy, View dx, View dgamma, View dbeta) { backward({}, dy, dx, {}, dgamma, dbeta); }, x, gamma,
        beta);
  return y;
}

}  // namespace skein
