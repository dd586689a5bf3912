#include "kernels/average_pool.h"

#include "engine/ops.h"

namespace skein {

Var average_pool(const Var& x) {
  Tape& t = *x->tape;
  const Shape in = x->value.shape();
  Var y = t.output(x->value.dtype(), {in[0], in[1] / 2, in[2] / 2, in[3]});
  t.run(kernel::average_pool_forward, x->value, y->value);
  t.on_backward(
      y, [&t](View dy, View dx) { t.run(kernel::average_pool_backward, dy, dx); }, x);
  return y;
}

}  // namespace skein
