#include "kernels/cast.h"

#include <fmt/format.h>

#include <cmath>
#include <tuple>

#include "cases/op_case.h"

namespace skein {
namespace {

// To eight significant bits, ties to even, by the definition: the step is 2^-7 of the power of two below.
double rounded(double x) {
  if (x == 0) return x;
  const double step = std::ldexp(1.0, std::ilogb(x) - 7);
  return std::nearbyint(x / step) * step;
}

// Numbers that need rounding, and ties both ways.
Tensor inputs(Queue q, int64_t n, uint32_t item) {
  std::vector<float> x = random_tensor(q, {n}, item).to_vector();
  const std::vector<float> ties = {1 + 1.0f / 256, 1 + 3.0f / 256, -1 - 1.0f / 256, 0.0f, 255.5f / 128};
  for (size_t i = 0; i < std::min(x.size(), ties.size()); ++i) x[i] = ties[i];
  return Tensor::from(q.device, x, {n});
}

// To bf16 and back, so that the result is f32; the benchmark counts both ways.
BoundCase bind_cast(Queue q, int64_t n) {
  const Tensor x = inputs(q, n, 1), y = Tensor::empty(q.device, DType::bf16, {n}),
               z = Tensor::zeros(q.device, DType::f32, {n});
  auto run = [=](Queue q) {
    q.run(kernel::cast, x, y);
    q.run(kernel::cast, y, z);
  };
  return {q, run, {expect("z", z, 0, [=] {
            Numbers out = to_numbers(x);
            for (double& v : out) v = rounded(v);
            return out;
          })}};
}

BoundCase bind_cast_mean(Queue q, int64_t rows, int64_t n) {
  const Tensor parts = Tensor::empty(q.device, DType::bf16, {rows, n}),
               mean = Tensor::empty(q.device, DType::bf16, {n});
  const Tensor widened = Tensor::zeros(q.device, DType::f32, {n});
  const Tensor exact = inputs(q, rows * n, 2);
  q.run(kernel::cast, exact, parts);
  auto run = [=](Queue q) {
    q.run(kernel::mean_bf16, 1.0f / float(rows), parts, mean);
    q.run(kernel::cast, mean, widened);
  };
  return {q, run, {expect("mean", widened, 1.0 / 256, [=] {
            const Numbers x = to_numbers(exact);
            Numbers out(size_t(n), 0.0);
            for (size_t i = 0; i < x.size(); ++i) out[i % out.size()] += rounded(x[i]) / double(rows);
            return out;
          })}};
}

void cast_cases(OpCases& cases) {
  for (const auto& [n, timed] : std::vector<std::pair<int64_t, bool>>{{1, false}, {100003, false}, {25'000'000, true}})
    cases.add(fmt::format("cast/{}", n), timed, bind_cast, n).same_bits = true;
  for (const auto& [rows, n, timed] : std::vector<std::tuple<int64_t, int64_t, bool>>{
           {1, 3, false}, {3, 1001, false}, {9, 808, false}, {4, 6'250'000, true}})
    cases.add(fmt::format("mean_bf16/{}x{}", rows, n), timed, bind_cast_mean, rows, n).same_bits = true;
}

const RegisterCases cast_table{"cast", cast_cases};

}  // namespace
}  // namespace skein
