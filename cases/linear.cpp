#include "kernels/linear.h"

#include <fmt/format.h>

#include "cases/op_case.h"
#include "kernels/reference/linear.h"

namespace skein {
namespace {

struct LinearRow {
  int64_t rows, in, out;
  bool timed = false;
  reference::Linear reference() const { return {size_t(rows), size_t(in), size_t(out)}; }
};
const std::vector<LinearRow> kLinearRows = {{.rows = 1, .in = 1, .out = 1},
                                            {.rows = 3, .in = 5, .out = 7},
                                            {.rows = 17, .in = 64, .out = 10},
                                            {.rows = 128, .in = 64, .out = 10, .timed = true},
                                            {.rows = 128, .in = 640, .out = 100, .timed = true}};

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
  return {q, [=](Queue q) { q.run(kernel::linear_forward, t->x, t->w, t->b, t->y); }, {expect("y", t->y, expected)}};
}

BoundCase bind_linear_backward(Queue q, const LinearRow& r) {
  auto t = std::make_shared<LinearTensors>(q, r);
  auto run = [=](Queue q) {
    q.run(kernel::linear_backward_data, t->dy, t->w, t->dx);
    q.run(kernel::linear_backward_weights, t->x, t->dy, t->dw, t->db);
  };
  return {q,
          run,
          {expect("dx", t->dx, [=] { return r.reference().backward_x(to_numbers(t->dy), to_numbers(t->w)); }),
           expect("dw", t->dw, [=] { return r.reference().backward_w(to_numbers(t->x), to_numbers(t->dy)); }),
           expect("db", t->db, [=] { return r.reference().backward_b(to_numbers(t->dy)); })}};
}

void linear_cases(OpCases& cases) {
  for (const LinearRow& r : kLinearRows) {
    const std::string shape = fmt::format("{}x{}->{}", r.rows, r.in, r.out);
    cases.add("linear_forward/" + shape, r.timed, bind_linear_forward, r).by_library = true;
    cases.add("linear_backward/" + shape, r.timed, bind_linear_backward, r).by_library = true;
  }
}

std::vector<GradientCase> linear_gradients() {
  const reference::Linear l{3, 4, 2};
  return {{"linear",
           {{3, 4}, {2, 4}, {2}},
           [l](const auto& in) { return l.forward(in[0], in[1], in[2]); },
           [l](const auto& in, const Numbers& dy) {
             return std::vector<Numbers>{l.backward_x(dy, in[1]), l.backward_w(in[0], dy), l.backward_b(dy)};
           },
           [](Tape&, const auto& in) { return std::vector<Var>{linear(in[0], in[1], in[2])}; }}};
}

const RegisterCases linear_table{"linear", linear_cases, linear_gradients};

}  // namespace
}  // namespace skein
