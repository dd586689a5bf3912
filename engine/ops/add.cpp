#include "engine/ops.h"
#include "kernels/vector.h"

namespace skein {

Var add(const Var& a, const Var& b) {
  Tape& t = *a->tape;
  Var y = t.output(a->value.dtype(), a->value.shape());
  t.run(kernel::add, a->value, b->value, y->value);
  t.on_backward(
      y,
      [&t](View dy, View da, View db) {
        for (View d : {da, db})
          if (d) t.run(kernel::copy, dy, d);
      },
      a, b);
  return y;
}

}  // namespace skein
