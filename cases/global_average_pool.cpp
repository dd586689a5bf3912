#include "kernels/global_average_pool.h"

#include "cases/op_case.h"
#include "kernels/reference/pool.h"

namespace skein {
namespace {

struct PoolRow {
  Shape x;
  bool timed = false;
};
const std::vector<PoolRow> kPoolRows = {{{1, 1, 1, 1}},  {{3, 5, 7, 3}},    {{2, 4, 4, 17}},        {{3, 7, 5, 12}},
                                        {{2, 9, 9, 64}}, {{2, 3, 1, 2056}}, {{128, 8, 8, 64}, true}};

Shape pooled(const Shape& x) { return {x[0], 1, 1, x[3]}; }

BoundCase bind_pool_forward(Queue q, const Shape& s, DType type) {
  const Tensor x = random_tensor(q, s, 1, 0, 1, type), y = Tensor::empty(q.device, DType::f32, pooled(s));
  return {q,
          [=](Queue q) { q.run(kernel::global_average_pool_forward, x, y); },
          {expect("y", y, [=] { return reference::global_average_pool_forward(to_numbers(x), s); })}};
}

BoundCase bind_pool_backward(Queue q, const Shape& s, DType type) {
  const Tensor dy = random_tensor(q, pooled(s), 1), dx = Tensor::empty(q.device, type, s);
  return {q,
          [=](Queue q) { q.run(kernel::global_average_pool_backward, dy, dx); },
          {expect("dx", dx, tolerance_of(type),
                  [=] { return reference::global_average_pool_backward(to_numbers(dy), s); })}};
}

void global_average_pool_cases(OpCases& cases) {
  for (const PoolRow& r : kPoolRows)
    for (const DType t : {DType::f32, DType::bf16}) {
      const std::string shape = name_of(r.x);
      cases.add("global_average_pool_forward/" + shape, r.timed, bind_pool_forward, r.x, t);
      cases.add("global_average_pool_backward/" + shape, r.timed, bind_pool_backward, r.x, t).same_bits = true;
    }
}

std::vector<GradientCase> global_average_pool_gradients() {
  const Shape s{2, 3, 2, 2};
  return {{"global_average_pool",
           {s},
           [s](const auto& in) { return reference::global_average_pool_forward(in[0], s); },
           [s](const auto&, const Numbers& dy) {
             return std::vector<Numbers>{reference::global_average_pool_backward(dy, s)};
           },
           [](Tape&, const auto& in) { return std::vector<Var>{global_average_pool(in[0])}; }}};
}

const RegisterCases global_average_pool_table{"global_average_pool", global_average_pool_cases,
                                              global_average_pool_gradients};

}  // namespace
}  // namespace skein
