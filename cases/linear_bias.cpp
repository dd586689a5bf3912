#include "kernels/cuda/linear_bias.h"

#include <fmt/format.h>

#include "cases/op_case.h"
#include "kernels/reference/linear.h"

namespace skein {
namespace {

struct LinearBiasRow {
  int64_t rows, columns;
};
const std::vector<LinearBiasRow> kLinearBiasRows = {{1, 1}, {5, 3}, {130, 10}, {3000, 10}, {37, 100}, {9, 1028}};

Cost bias_add_cost(View b, View y) { return {bytes_of(b) + 2 * bytes_of(y)}; }
constexpr Kernel<cuda::BiasAdd> kBiasAdd{"bias_add", nullptr, SKEIN_ON_CUDA(bias_add), bias_add_cost};
constexpr Kernel<cuda::ColumnSum> kColumnSum{"column_sum", nullptr, SKEIN_ON_CUDA(column_sum), each_once};

BoundCase bind_linear_bias_add(Queue q, const LinearBiasRow& r) {
  const Tensor b = random_tensor(q, {r.columns}, 1), y = random_tensor(q, {r.rows, r.columns}, 2);
  const Numbers before = to_numbers(y), bias = to_numbers(b);
  return {q, [=](Queue q) { q.run(kBiasAdd, b, y); }, {expect("y", y, [=] {
            Numbers out = before;
            for (size_t i = 0; i < out.size(); ++i) out[i] += bias[i % bias.size()];
            return out;
          })}};
}

BoundCase bind_linear_bias_sum(Queue q, const LinearBiasRow& r) {
  const Tensor dy = random_tensor(q, {r.rows, r.columns}, 1), db = Tensor::empty(q.device, DType::f32, {r.columns});
  const reference::Linear linear{size_t(r.rows), 0, size_t(r.columns)};
  return {q,
          [=](Queue q) { q.run(kColumnSum, dy, db); },
          {expect("db", db, [=] { return linear.backward_b(to_numbers(dy)); })}};
}

void linear_bias_cases(OpCases& cases) {
  for (const LinearBiasRow& r : kLinearBiasRows) {
    cases.add(fmt::format("bias_add/{}x{}", r.rows, r.columns), false, bind_linear_bias_add, r).cuda_only = true;
    cases.add(fmt::format("column_sum/{}x{}", r.rows, r.columns), false, bind_linear_bias_sum, r).cuda_only = true;
  }
}

const RegisterCases linear_bias_table{"linear_bias", linear_bias_cases};

}  // namespace
}  // namespace skein
