#include "kernels/max_pool.h"

#include "engine/ops.h"

namespace skein {

Var max_pool(const Var& x) {
  Tape& t = *x->tape;
  const Shape in = x->value.shape(), out{in[0], max_pooled(in[1]), max_pooled(in[2]), in[3]};
  Var y = t.output(x->value.dtype(), out);
  const Tensor indices = x->needs_grad ? t.scratch(DType::u8, out) : Tensor{};
  t.run(kernel::max_pool_forward, x->value, y->value, indices);
  t.on_backward(
      y, [&t, indices](View dy, View dx) { t.run(kernel::max_pool_backward, dy, indices, dx); }, x);
  return y;
}

}  // namespace skein
