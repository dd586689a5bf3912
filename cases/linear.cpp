#include "kernels/linear.h"

#include <fmt/format.h>

#include "cases/cases.h"
#include "kernels/reference/linear.h"

namespace skein {
namespace {

struct LinearRow {
  int64_t rows, in, out;
  bool timed = false;
  reference::Linear reference() const { return {size_t(rows), size_t(in), size_t(out)}; }
};
const std::vector<LinearRow> kLinearRows = {
    {1, 1, 1}, {3, 5, 7}, {17, 64, 10}, {128, 64, 10, true}, {128, 640, 100, true}};

struct LinearTensors {
  Tensor x, w, b, dy, y, dx, dw, db;
  LinearTensors(Queue q, const LinearRow& r)
      : x(random_tensor(q, {r.rows, r.in}, 1)),
        w(random_tensor(q, {r.out, r.in}, 2)),
        b(random_tensor(q, {r.out}, 3)),
        dy(random_tensor(q, {r.rows, r.out}, 4)),
        y(Tensor::empty(q.device, DType::f32, {r.rows, r.out})),
        dx(Tensor::empty(q.device, DType::f32, {r.rows, r.in})),
        dw(Tensor::empty(q.device, DType::f32, {r.out, r.in})),
        db(Tensor::empty(q.device, DType::f32, {r.out})) {}
};

BoundCase bind_linear_forward(Queue q, const LinearRow& r) {
  auto t = std::make_shared<LinearTensors>(q, r);
  auto expected = [=] { return r.reference().forward(to_numbers(t->x), to_numbers(t->w), to_numbers(t->b)); };
  return {[=] { q.run(cpu::linear_forward, cuda::linear_forward, t->x, t->w, t->b, t->y); },
          {expect("y", t->y, expected)}};
}

BoundCase bind_linear_backward(Queue q, const LinearRow& r) {
  auto t = std::make_shared<LinearTensors>(q, r);
  auto run = [=] {
    q.run(cpu::linear_backward_data, cuda::linear_backward_data, t->dy, t->w, t->dx);
    q.run(cpu::linear_backward_weights, cuda::linear_backward_weights, t->x, t->dy, t->dw, t->db);
  };
  return {run,
          {expect("dx", t->dx, [=] { return r.reference().backward_x(to_numbers(t->dy), to_numbers(t->w)); }),
           expect("dw", t->dw, [=] { return r.reference().backward_w(to_numbers(t->x), to_numbers(t->dy)); }),
           expect("db", t->db, [=] { return r.reference().backward_b(to_numbers(t->dy)); })}};
}

}  // namespace

std::vector<OpCase> linear_cases() {
  std::vector<OpCase> cases;
  for (const LinearRow& r : kLinearRows) {
    const double flops = 2.0 * double(r.rows * r.in * r.out);
    const double bytes = 4.0 * double(r.rows * r.in + r.rows * r.out + r.in * r.out);
    const std::string shape = fmt::format("{}x{}->{}", r.rows, r.in, r.out);
    cases.push_back(
        {"linear_forward/" + shape, r.timed, flops, bytes, [r](Queue q) { return bind_linear_forward(q, r); }});
    cases.push_back({"linear_backward/" + shape, r.timed, 2 * flops, 2 * bytes,
                     [r](Queue q) { return bind_linear_backward(q, r); }});
  }
  return cases;
}

std::vector<GradientCase> linear_gradients() {
  const reference::Linear l{3, 4, 2};
  return {{"linear",
           {random_numbers(12, 1), random_numbers(8, 2), random_numbers(2, 3)},
           [l](const auto& in) { return l.forward(in[0], in[1], in[2]); },
           [l](const auto& in, const Numbers& dy) {
             return std::vector<Numbers>{l.backward_x(dy, in[1]), l.backward_w(in[0], dy), l.backward_b(dy)};
           }}};
}

}  // namespace skein
