#include "kernels/linear.h"

#include "engine/ops.h"

namespace skein {

Var linear(const Var& x, const Var& w, const Var& b) {
  Tape& t = *x->tape;
  const int64_t rows = x->value.view().rows(), out = w->value.view().rows();
  Var y = t.output(x->value.dtype(), {rows, out});
  t.run(kernel::linear_forward, x->value, w->value, b->value, y->value);
  t.macs += w->value.numel() * rows;
  t.on_backward(
      y,
      [&t, x, w](View dy, View dx, View dw, View db) {
        if (dx) t.run(kernel::linear_backward_data, dy, w->value, dx);
        if (dw) t.run(kernel::linear_backward_weights, x->value, dy, dw, db);
      },
      x, w, b);
  return y;
}

}  // namespace skein
