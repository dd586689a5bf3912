#include "kernels/downsample.h"

#include "engine/ops.h"

namespace skein {

Var downsample(const Var& x, int64_t stride, int64_t channels) {
  Tape& t = *x->tape;
  const Shape in = x->value.shape();
  Var y = t.output(x->value.dtype(), {in[0], (in[1] + stride - 1) / stride, (in[2] + stride - 1) / stride, channels});
  t.run(kernel::downsample_forward, x->value, stride, y->value);
  t.on_backward(
      y, [&t, stride](View dy, View dx) { t.run(kernel::downsample_backward, dy, stride, dx); }, x);
  return y;
}

}  // namespace skein
