#include "kernels/vector.h"

#include <fmt/format.h>

#include "cases/op_case.h"

namespace skein {
namespace {

// x and y begin `shift_x` and `shift_y` numbers behind an aligned place, z as x: vectors after some single numbers, or
// single numbers alone.
struct Size {
  int64_t n, shift_x = 0, shift_y = 0;
  bool timed = false;
};
const std::vector<Size> kSizes = {{.n = 1},
                                  {.n = 4097},
                                  {.n = 13, .shift_x = 1, .shift_y = 1},
                                  {.n = 2053, .shift_x = 3, .shift_y = 3},
                                  {.n = 999, .shift_x = 1, .shift_y = 2},
                                  {.n = 200003},
                                  {.n = 128 * 32 * 32 * 16, .timed = true}};

using Map = std::function<double(double x, double y)>;

// z = f(x, y) element by element; x, y, z may be one tensor.
Output mapped(const Tensor& z, const Tensor& x, const Tensor& y, Map f) {
  return expect("z", z, tolerance_of(z.dtype()), [a = to_numbers(x), b = to_numbers(y), f] {
    Numbers out(a.size());
    for (size_t i = 0; i < a.size(); ++i) out[i] = f(a[i], b[i]);
    return out;
  });
}

struct VectorRow {
  const char* name;
  std::function<void(Queue, Tensor x, Tensor y, Tensor z)> run;
  enum { in_x, in_y, in_z } result;
  Map expected;
};

const std::vector<VectorRow> kVectorRows = {
    {"fill", [](Queue q, Tensor x, Tensor, Tensor) { q.run(kernel::fill, 1.5f, x); }, VectorRow::in_x,
     [](double, double) { return 1.5; }},
    {"axpy", [](Queue q, Tensor x, Tensor y, Tensor) { q.run(kernel::axpy, -0.5f, x, y); }, VectorRow::in_y,
     [](double x, double y) { return y - 0.5 * x; }},
    {"add", [](Queue q, Tensor x, Tensor y, Tensor z) { q.run(kernel::add, x, y, z); }, VectorRow::in_z,
     [](double x, double y) { return x + y; }},
    {"sub", [](Queue q, Tensor x, Tensor y, Tensor z) { q.run(kernel::sub, x, y, z); }, VectorRow::in_z,
     [](double x, double y) { return x - y; }},
    {"scale", [](Queue q, Tensor x, Tensor, Tensor) { q.run(kernel::scale, 0.25f, x); }, VectorRow::in_x,
     [](double x, double) { return 0.25 * x; }},
    {"ema", [](Queue q, Tensor x, Tensor y, Tensor) { q.run(kernel::ema, 0.999, x, y); }, VectorRow::in_y,
     [](double x, double y) { return 0.999 * y + 0.001 * x; }},
    {"relu_forward", [](Queue q, Tensor x, Tensor, Tensor z) { q.run(kernel::relu_forward, x, z); }, VectorRow::in_z,
     [](double x, double) { return std::max(x, 0.0); }},
    {"relu_backward", [](Queue q, Tensor x, Tensor y, Tensor z) { q.run(kernel::relu_backward, x, y, z); },
     VectorRow::in_z, [](double x, double y) { return x > 0 ? y : 0.0; }}};

BoundCase bind_vector(Queue q, const VectorRow& r, const Size& s, DType type) {
  const auto shifted = [&](const Tensor& t, int64_t shift) { return t.slice(shift, {s.n}); };
  const Tensor x = shifted(random_tensor(q, {s.n + s.shift_x}, 1, 0, 1, type), s.shift_x);
  const Tensor y = shifted(random_tensor(q, {s.n + s.shift_y}, 2, 0, 1, type), s.shift_y);
  const Tensor z = shifted(Tensor::empty(q.device, type, {s.n + s.shift_x}), s.shift_x);
  const Tensor& result = r.result == VectorRow::in_x ? x : r.result == VectorRow::in_y ? y : z;
  return {q, [=, run = r.run](Queue q) { run(q, x, y, z); }, {mapped(result, x, y, r.expected)}};
}

void vector_cases(OpCases& cases) {
  for (const VectorRow& r : kVectorRows)
    for (const Size& s : kSizes)
      for (const DType t : {DType::f32, DType::bf16}) {
        const std::string shift = s.shift_y > 0 ? fmt::format("+{}+{}", s.shift_x, s.shift_y) : "";
        cases.add(fmt::format("{}/{}{}", r.name, s.n, shift), s.timed, bind_vector, r, s, t).same_bits = true;
      }
}

Numbers sum(const Numbers& a, const Numbers& b) {
  Numbers out = a;
  for (size_t i = 0; i < out.size(); ++i) out[i] += b[i];
  return out;
}

std::vector<GradientCase> vector_gradients() {
  const auto sum_of_two = [](const auto& in) { return sum(in[0], in[1]); };
  const auto dy_twice = [](const auto&, const Numbers& dy) { return std::vector<Numbers>{dy, dy}; };
  return {{"add",
           {{16}, {16}},
           sum_of_two,
           dy_twice,
           [](Tape&, const auto& in) { return std::vector<Var>{add(in[0], in[1])}; }},
          {"add_to",
           {{16}, {16}},
           sum_of_two,
           dy_twice,
           [](Tape&, const auto& in) { return std::vector<Var>{add_to(in[0], in[1])}; }},
          // An input that is used twice: the tape adds its gradients.
          {"add_to+twice",
           {{16}, {16}},
           [](const auto& in) { return sum(in[1], sum(in[0], in[1])); },
           [](const auto&, const Numbers& dy) {
             return std::vector<Numbers>{dy, sum(dy, dy)};
           },
           [](Tape&, const auto& in) { return std::vector<Var>{add_to(add(in[0], in[1]), in[1])}; }},
          {"relu",
           {{16}},
           [](const auto& in) {
             Numbers y = in[0];
             for (double& v : y) v = std::max(v, 0.0);
             return y;
           },
           [](const auto& in, const Numbers& dy) {
             Numbers dx = dy;
             for (size_t i = 0; i < dx.size(); ++i) dx[i] = in[0][i] > 0 ? dy[i] : 0;
             return std::vector<Numbers>{dx};
           },
           [](Tape&, const auto& in) { return std::vector<Var>{relu(in[0])}; }}};
}

const RegisterCases vector_table{"vector", vector_cases, vector_gradients};

}  // namespace
}  // namespace skein
