#include "kernels/cuda/linear_bias.h"

#include <fmt/format.h>

#include "cases/cases.h"
#include "kernels/reference/linear.h"

namespace skein {
namespace {

struct LinearBiasRow {
  int64_t rows, columns;
};
const std::vector<LinearBiasRow> kLinearBiasRows = {{1, 1}, {5, 3}, {130, 10}, {3000, 10}, {37, 100}, {9, 1028}};

BoundCase bind_linear_bias_add(Queue q, const LinearBiasRow& r) {
  const Tensor b = random_tensor(q, {r.columns}, 1), y = random_tensor(q, {r.rows, r.columns}, 2);
  const Numbers before = to_numbers(y), bias = to_numbers(b);
  return {[=] { cuda::bias_add(q.stream, b, y); }, {expect("y", y, [=] {
            Numbers out = before;
            for (size_t i = 0; i < out.size(); ++i) out[i] += bias[i % bias.size()];
            return out;
          })}};
}

BoundCase bind_linear_bias_sum(Queue q, const LinearBiasRow& r) {
  const Tensor dy = random_tensor(q, {r.rows, r.columns}, 1), db = Tensor::empty(q.device, DType::f32, {r.columns});
  const reference::Linear linear{size_t(r.rows), 0, size_t(r.columns)};
  return {[=] { cuda::column_sum(q.stream, dy, db); },
          {expect("db", db, [=] { return linear.backward_b(to_numbers(dy)); })}};
}

}  // namespace

std::vector<OpCase> linear_bias_cases() {
  std::vector<OpCase> cases;
  for (const LinearBiasRow& r : kLinearBiasRows) {
    const double n = double(r.rows * r.columns);
    cases.push_back({fmt::format("bias_add/{}x{}", r.rows, r.columns), false, 0, 8 * n,
                     [r](Queue q) { return bind_linear_bias_add(q, r); }, true});
    cases.push_back({fmt::format("column_sum/{}x{}", r.rows, r.columns), false, 0, 4 * n,
                     [r](Queue q) { return bind_linear_bias_sum(q, r); }, true});
  }
  return cases;
}

}  // namespace skein
