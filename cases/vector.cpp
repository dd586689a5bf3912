#include "kernels/vector.h"

#include <fmt/format.h>

#include "cases/cases.h"

namespace skein {
namespace {

const std::vector<std::pair<int64_t, bool>> kSizes = {{1, false}, {4097, false}, {128 * 32 * 32 * 16, true}};

using Map = std::function<double(double x, double y)>;

// z = f(x, y) element by element; x, y, z may be one tensor.
Output mapped(const Tensor& z, const Tensor& x, const Tensor& y, Map f) {
  return expect("z", z, [a = to_numbers(x), b = to_numbers(y), f] {
    Numbers out(a.size());
    for (size_t i = 0; i < a.size(); ++i) out[i] = f(a[i], b[i]);
    return out;
  });
}

struct Row {
  const char* name;
  int tensors;  // that move: read plus written
  std::function<void(Queue, Tensor x, Tensor y, Tensor z)> run;
  enum { in_x, in_y, in_z } result;
  Map expected;
};

const std::vector<Row> kRows = {
    {"fill", 1, [](Queue q, Tensor x, Tensor, Tensor) { q.run(cpu::fill, cuda::fill, 1.5f, x); }, Row::in_x,
     [](double, double) { return 1.5; }},
    {"axpy", 3, [](Queue q, Tensor x, Tensor y, Tensor) { q.run(cpu::axpy, cuda::axpy, -0.5f, x, y); }, Row::in_y,
     [](double x, double y) { return y - 0.5 * x; }},
    {"add", 3, [](Queue q, Tensor x, Tensor y, Tensor z) { q.run(cpu::add, cuda::add, x, y, z); }, Row::in_z,
     [](double x, double y) { return x + y; }},
    {"sub", 3, [](Queue q, Tensor x, Tensor y, Tensor z) { q.run(cpu::sub, cuda::sub, x, y, z); }, Row::in_z,
     [](double x, double y) { return x - y; }},
    {"scale", 2, [](Queue q, Tensor x, Tensor, Tensor) { q.run(cpu::scale, cuda::scale, 0.25f, x); }, Row::in_x,
     [](double x, double) { return 0.25 * x; }},
    {"relu_forward", 2, [](Queue q, Tensor x, Tensor, Tensor z) { q.run(cpu::relu_forward, cuda::relu_forward, x, z); },
     Row::in_z, [](double x, double) { return std::max(x, 0.0); }},
    {"relu_backward", 3,
     [](Queue q, Tensor x, Tensor y, Tensor z) { q.run(cpu::relu_backward, cuda::relu_backward, x, y, z); }, Row::in_z,
     [](double x, double y) { return x > 0 ? y : 0.0; }}};

BoundCase bind(Queue q, const Row& r, int64_t n) {
  const Tensor x = random_tensor(q, {n}, 1), y = random_tensor(q, {n}, 2), z = Tensor::empty(q.device, DType::f32, {n});
  const Tensor& result = r.result == Row::in_x ? x : r.result == Row::in_y ? y : z;
  return {[=, run = r.run] { run(q, x, y, z); }, {mapped(result, x, y, r.expected)}};
}

}  // namespace

std::vector<OpCase> vector_cases() {
  std::vector<OpCase> cases;
  for (const Row& r : kRows)
    for (const auto& [n, timed] : kSizes)
      cases.push_back({fmt::format("{}/{}", r.name, n), timed, 0, 4.0 * double(n) * r.tensors,
                       [r, n = n](Queue q) { return bind(q, r, n); }});
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
