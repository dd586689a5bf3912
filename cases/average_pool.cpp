#include "kernels/average_pool.h"

#include "cases/op_case.h"
#include "kernels/reference/pool.h"

namespace skein {
namespace {

struct AveragePoolRow {
  Shape x;
  bool timed = false;
};
// The timed one: the first transition of DenseNet-40-12, batch 64.
const std::vector<AveragePoolRow> kAveragePoolRows = {
    {{1, 2, 2, 1}}, {{3, 5, 7, 3}}, {{2, 4, 6, 17}}, {{1, 1, 3, 4}}, {{64, 32, 32, 160}, true}};

BoundCase bind_average_pool_forward(Queue q, const Shape& s, DType type) {
  const reference::AveragePool pool{s};
  const Tensor x = random_tensor(q, s, 1, 0, 1, type), y = Tensor::empty(q.device, type, pool.y());
  return {q,
          [=](Queue q) { q.run(kernel::average_pool_forward, x, y); },
          {expect("y", y, tolerance_of(type), [=] { return pool.forward(to_numbers(x)); })}};
}

BoundCase bind_average_pool_backward(Queue q, const Shape& s, DType type) {
  const reference::AveragePool pool{s};
  const Tensor dy = random_tensor(q, pool.y(), 1, 0, 1, type), dx = Tensor::empty(q.device, type, s);
  return {q,
          [=](Queue q) { q.run(kernel::average_pool_backward, dy, dx); },
          {expect("dx", dx, tolerance_of(type), [=] { return pool.backward(to_numbers(dy)); })}};
}

void average_pool_cases(OpCases& cases) {
  for (const AveragePoolRow& r : kAveragePoolRows)
    for (const DType t : {DType::f32, DType::bf16}) {
      const std::string shape = name_of(r.x);
      cases.add("average_pool_forward/" + shape, r.timed, bind_average_pool_forward, r.x, t).same_bits = true;
      cases.add("average_pool_backward/" + shape, r.timed, bind_average_pool_backward, r.x, t).same_bits = true;
    }
}

std::vector<GradientCase> average_pool_gradients() {
  const reference::AveragePool pool{{2, 5, 4, 2}};
  return {{"average_pool",
           {pool.x},
           [pool](const auto& in) { return pool.forward(in[0]); },
           [pool](const auto&, const Numbers& dy) { return std::vector<Numbers>{pool.backward(dy)}; },
           [](Tape&, const auto& in) { return std::vector<Var>{average_pool(in[0])}; }}};
}

const RegisterCases average_pool_table{"average_pool", average_pool_cases, average_pool_gradients};

}  // namespace
}  // namespace skein
