#include "engine/ops.h"
#include "engine/precision.h"

namespace skein {

Var conv2d(const Var& x, const Var& w, ConvGeometry g) {
  Tape& t = *x->tape;
  const Shape in = x->value.shape(), filter = w->value.shape();
  Var y = t.output(x->value.dtype(), {in[0], g.out(in[1], filter[1]), g.out(in[2], filter[2]), filter[0]});
  const Tensor& weights = Precision::of(x).weights(w);
  t.run(kernel::conv_forward, x->value, weights, g, y->value);
  t.macs += y->value.numel() * filter[1] * filter[2] * filter[3];
  t.on_backward(
      y,
      [&t, x, weights, g](View dy, View dx, View dw) {
        if (dw) t.run(kernel::conv_backward_weights, x->value, dy, g, dw);
        if (dx) t.run(kernel::conv_backward_data, dy, weights, g, dx);
      },
      x, w);
  return y;
}

}  // namespace skein
