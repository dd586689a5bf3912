#include "kernels/pool.h"

#include "cases/cases.h"
#include "cases/reference/pool.h"

namespace skein {
namespace {

struct Row {
  Shape x;
  bool timed = false;
};
const std::vector<Row> kRows = {{{1, 1, 1, 1}}, {{3, 5, 7, 3}}, {{2, 4, 4, 17}}, {{128, 8, 8, 64}, true}};

Shape pooled(const Shape& x) { return {x[0], 1, 1, x[3]}; }

BoundCase bind_forward(Queue q, const Shape& s) {
  const Tensor x = random_tensor(q, s, 1), y = Tensor::empty(q.device, DType::f32, pooled(s));
  return {[=] { q.run(cpu::global_pool_forward, cuda::global_pool_forward, x, y); },
          {expect("y", y, [=] { return reference::global_pool_forward(to_numbers(x), s); })}};
}

BoundCase bind_backward(Queue q, const Shape& s) {
  const Tensor dy = random_tensor(q, pooled(s), 1), dx = Tensor::empty(q.device, DType::f32, s);
  return {[=] { q.run(cpu::global_pool_backward, cuda::global_pool_backward, dy, dx); },
          {expect("dx", dx, [=] { return reference::global_pool_backward(to_numbers(dy), s); })}};
}

}  // namespace

std::vector<OpCase> pool_cases() {
  std::vector<OpCase> cases;
  for (const auto& [x, timed] : kRows) {
    const double bytes = 4.0 * double(x.numel() + x[0] * x[3]);
    cases.push_back(
        {"global_pool_forward/" + name_of(x), timed, 0, bytes, [s = x](Queue q) { return bind_forward(q, s); }});
    cases.push_back(
        {"global_pool_backward/" + name_of(x), timed, 0, bytes, [s = x](Queue q) { return bind_backward(q, s); }});
  }
  return cases;
}

std::vector<GradientCase> pool_gradients() {
  const Shape s{2, 3, 2, 2};
  return {
      {"global_pool",
       {random_numbers(s.numel(), 1)},
       [s](const auto& in) { return reference::global_pool_forward(in[0], s); },
       [s](const auto&, const Numbers& dy) { return std::vector<Numbers>{reference::global_pool_backward(dy, s)}; }}};
}

}  // namespace skein
