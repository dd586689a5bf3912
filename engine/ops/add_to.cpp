#include "engine/ops.h"
#include "kernels/vector.h"

namespace skein {

Var add_to(const Var& a, const Var& b) {
  Tape& t = *a->tape;
  const Var y = t.in_memory_of(a);
  t.run(kernel::axpy, 1.0f, b->value, y->value);
  if (!a->needs_grad || !b->needs_grad) {  // one of them comes from frozen layers
    t.on_backward(
        y,
        [&t](View dy, View da, View db) {
          for (View d : {da, db})
            if (d) t.run(kernel::copy, dy, d);
        },
        a, b);
    return y;
  }
  t.on_backward_if([y] { return y->has_grad; },
                   [&t, y, a](View db) {
                     t.run(kernel::copy, y->grad, db);
                     a->grad = std::exchange(y->grad, {});
                     a->has_grad = std::exchange(y->has_grad, false);
                   },
                   b);
  return y;
}

}  // namespace skein
