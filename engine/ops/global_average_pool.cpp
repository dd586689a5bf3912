#include "kernels/global_average_pool.h"

#include "engine/ops.h"
#include "engine/precision.h"

namespace skein {

Var global_average_pool(const Var& x) {
  Tape& t = *x->tape;
  Var y = t.output(Precision::classifier, {x->value.shape()[0], 1, 1, x->value.shape()[3]});
  t.run(kernel::global_average_pool_forward, x->value, y->value);
  t.on_backward(
      y, [&t](View dy, View dx) { t.run(kernel::global_average_pool_backward, dy, dx); }, x);
  return y;
}

}  // namespace skein
