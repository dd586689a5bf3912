#include "engine/ops.h"
#include "kernels/vector.h"

namespace skein {

Var relu(const Var& x) {
  Tape& t = *x->tape;
  Var y = t.output(x->value.dtype(), x->value.shape());
  t.run(kernel::relu_forward, x->value, y->value);
  t.on_backward(
      y, [&t, y](View dy, View dx) { t.run(kernel::relu_backward, y->value, dy, dx); }, x);
  return y;
}

}  // namespace skein
