#include "kernels/dropout.h"

#include "base/check.h"
#include "engine/ops.h"

namespace skein {

Var dropout(const Var& x, float rate, uint32_t layer) {
  Tape& t = *x->tape;
  if (!t.training || rate == 0 || !x->needs_grad) return x;  // within frozen layers: as in evaluation
  CHECK(t.draws.step, "dropout needs to know the step: Tape::draws");
  Var y = t.output(x->value.dtype(), x->value.shape());
  const DropoutStream draws = t.draws;
  t.run(kernel::dropout, x->value, rate, draws, layer, y->value);
  t.on_backward(
      y, [&t, rate, draws, layer](View dy, View dx) { t.run(kernel::dropout, dy, rate, draws, layer, dx); }, x);
  return y;
}

}  // namespace skein
