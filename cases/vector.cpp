#include "kernels/vector.h"

#include <fmt/format.h>

#include "cases/cases.h"

namespace skein {
namespace {

// x and y begin `shift_x` and `shift_y` numbers behind an aligned place, z as x: vectors after some single numbers, or
// single numbers alone.
struct Size {
  int64_t n, shift_x = 0, shift_y = 0;
  bool timed = false;
};
const std::vector<Size> kSizes = {
    {1}, {4097}, {13, 1, 1}, {2053, 3, 3}, {999, 1, 2}, {200003}, {128 * 32 * 32 * 16, 0, 0, true}};

using Map = std::function<double(double x, double y)>;

// z = f(x, y) element by element; x, y, z may be one tensor.
Output mapped(const Tensor& z, const Tensor& x, const Tensor& y, Map f) {
  return expect(
      "z", z,
      [a = to_numbers(x), b = to_numbers(y), f] {
        Numbers out(a.size());
        for (size_t i = 0; i < a.size(); ++i) out[i] = f(a[i], b[i]);
        return out;
      },
      tolerance_of(z.dtype()));
}

struct VectorRow {
  const char* name;
  int tensors;  // that move: read plus written
  std::function<void(Queue, Tensor x, Tensor y, Tensor z)> run;
  enum { in_x, in_y, in_z } result;
  Map expected;
};

const std::vector<VectorRow> kVectorRows = {
    {"fill", 1, [](Queue q, Tensor x, Tensor, Tensor) { q.run(cpu::fill, cuda::fill, 1.5f, x); }, VectorRow::in_x,
     [](double, double) { return 1.5; }},
    {"axpy", 3, [](Queue q, Tensor x, Tensor y, Tensor) { q.run(cpu::axpy, cuda::axpy, -0.5f, x, y); }, VectorRow::in_y,
     [](double x, double y) { return y - 0.5 * x; }},
    {"add", 3, [](Queue q, Tensor x, Tensor y, Tensor z) { q.run(cpu::add, cuda::add, x, y, z); }, VectorRow::in_z,
     [](double x, double y) { return x + y; }},
    {"sub", 3, [](Queue q, Tensor x, Tensor y, Tensor z) { q.run(cpu::sub, cuda::sub, x, y, z); }, VectorRow::in_z,
     [](double x, double y) { return x - y; }},
    {"scale", 2, [](Queue q, Tensor x, Tensor, Tensor) { q.run(cpu::scale, cuda::scale, 0.25f, x); }, VectorRow::in_x,
     [](double x, double) { return 0.25 * x; }},
    {"relu_forward", 2, [](Queue q, Tensor x, Tensor, Tensor z) { q.run(cpu::relu_forward, cuda::relu_forward, x, z); },
     VectorRow::in_z, [](double x, double) { return std::max(x, 0.0); }},
    {"relu_backward", 3,
     [](Queue q, Tensor x, Tensor y, Tensor z) { q.run(cpu::relu_backward, cuda::relu_backward, x, y, z); },
     VectorRow::in_z, [](double x, double y) { return x > 0 ? y : 0.0; }}};

BoundCase bind_vector(Queue q, const VectorRow& r, const Size& s, DType type) {
  const auto shifted = [&](const Tensor& t, int64_t shift) { return t.slice(shift, {s.n}); };
  const Tensor x = shifted(random_tensor(q, {s.n + s.shift_x}, 1, 0, 1, type), s.shift_x);
  const Tensor y = shifted(random_tensor(q, {s.n + s.shift_y}, 2, 0, 1, type), s.shift_y);
  const Tensor z = shifted(Tensor::empty(q.device, type, {s.n + s.shift_x}), s.shift_x);
  const Tensor& result = r.result == VectorRow::in_x ? x : r.result == VectorRow::in_y ? y : z;
  return {[=, run = r.run] { run(q, x, y, z); }, {mapped(result, x, y, r.expected)}};
}

}  // namespace

std::vector<OpCase> vector_cases() {
  std::vector<OpCase> cases;
  for (const VectorRow& r : kVectorRows)
    for (const Size& s : kSizes)
      for (const DType t : {DType::f32, DType::bf16}) {
        const std::string shift = s.shift_y > 0 ? fmt::format("+{}+{}", s.shift_x, s.shift_y) : "";
        cases.push_back({fmt::format("{}/{}{}{}", r.name, s.n, shift, suffix_of(t)), s.timed, 0,
                         double(size_of(t)) * double(s.n) * r.tensors, [=](Queue q) { return bind_vector(q, r, s, t); },
                         t == DType::bf16, true});
      }
  return cases;
}

std::vector<GradientCase> vector_gradients() {
  return {{"relu",
           {random_numbers(16, 1)},
           [](const auto& in) {
             Numbers y = in[0];
             for (double& v : y) v = std::max(v, 0.0);
             return y;
           },
           [](const auto& in, const Numbers& dy) {
             Numbers dx = dy;
             for (size_t i = 0; i < dx.size(); ++i) dx[i] = in[0][i] > 0 ? dy[i] : 0;
             return std::vector<Numbers>{dx};
           }}};
}

}  // namespace skein
