#include "kernels/max_pool.h"

#include "cases/op_case.h"
#include "kernels/reference/pool.h"
#include "kernels/vector.h"

namespace skein {
namespace {

struct MaxPoolRow {
  Shape x;
  bool timed = false;
};
// The timed one: ResNet-50 on 224x224 images, batch 16.
const std::vector<MaxPoolRow> kMaxPoolRows = {{{1, 1, 1, 1}},  {{2, 2, 3, 5}},  {{3, 7, 6, 3}},
                                              {{1, 8, 8, 17}}, {{2, 9, 5, 64}}, {{16, 112, 112, 64}, true}};

// After a ReLU: many zeros, so that windows have several maxima and the first must be taken.
Tensor rectified(Queue q, const Shape& s, DType type) {
  const Tensor x = random_tensor(q, s, 1, 0, 1, type), y = Tensor::empty(q.device, type, s);
  q.run(kernel::relu_forward, x, y);
  q.run(kernel::synchronize);
  return y;
}

BoundCase bind_max_pool_forward(Queue q, const Shape& s, DType type) {
  const reference::MaxPool pool{s};
  const Tensor x = rectified(q, s, type), y = Tensor::empty(q.device, type, pool.y());
  const Tensor indices = Tensor::empty(q.device, DType::u8, pool.y());
  return {q,
          [=](Queue q) { q.run(kernel::max_pool_forward, x, y, indices); },
          {expect("y", y, 0, [=] { return pool.forward(to_numbers(x)); })}};
}

BoundCase bind_max_pool_backward(Queue q, const Shape& s, DType type) {
  const reference::MaxPool pool{s};
  const Tensor x = rectified(q, s, type), y = Tensor::empty(q.device, type, pool.y());
  const Tensor indices = Tensor::empty(q.device, DType::u8, pool.y());
  const Tensor dy = random_tensor(q, pool.y(), 2, 0, 1, type), dx = Tensor::empty(q.device, type, s);
  q.run(kernel::max_pool_forward, x, y, indices);
  q.run(kernel::synchronize);  // y ends here
  return {q,
          [=](Queue q) { q.run(kernel::max_pool_backward, dy, indices, dx); },
          {expect("dx", dx, tolerance_of(type), [=] { return pool.backward(to_numbers(x), to_numbers(dy)); })}};
}

void max_pool_cases(OpCases& cases) {
  for (const MaxPoolRow& r : kMaxPoolRows)
    for (const DType t : {DType::f32, DType::bf16}) {
      const std::string shape = name_of(r.x);
      cases.add("max_pool_forward/" + shape, r.timed, bind_max_pool_forward, r.x, t).same_bits = true;
      cases.add("max_pool_backward/" + shape, r.timed, bind_max_pool_backward, r.x, t);
    }
}

std::vector<GradientCase> max_pool_gradients() {
  const reference::MaxPool pool{{2, 5, 4, 2}};
  return {{"max_pool",
           {pool.x},
           [pool](const auto& in) { return pool.forward(in[0]); },
           [pool](const auto& in, const Numbers& dy) { return std::vector<Numbers>{pool.backward(in[0], dy)}; },
           [](Tape&, const auto& in) { return std::vector<Var>{max_pool(in[0])}; }}};
}

const RegisterCases max_pool_table{"max_pool", max_pool_cases, max_pool_gradients};

}  // namespace
}  // namespace skein
