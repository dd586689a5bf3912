#include "kernels/sgd_step.h"

#include <fmt/format.h>

#include "cases/cases.h"

namespace skein {
namespace {

struct Row {
  int64_t n, decayed;
  SgdHyper hyper;
  bool timed = false;
};
const std::vector<Row> kRows = {{1, 0, {}},
                                {777, 700, {}},
                                {10001, 5000, {0.5f, 0.1f, false}},
                                {64, 64, {0.0f, 0.0f, false}},
                                {777, 700, {0.9f, 1e-4f, true, true}},
                                {4099, 0, {0.5f, 0.0f, false, true}},
                                {272640, 271104, {}, true},       // ResNet-20
                                {25557120, 25500000, {}, true}};  // ResNet-50
constexpr float kRate = 0.1f;

BoundCase bind(Queue q, const Row& r) {
  const Tensor value = random_tensor(q, {r.n}, 1), grad = random_tensor(q, {r.n}, 2);
  const Tensor velocity = random_tensor(q, {r.n}, 3), rate = random_tensor(q, {1}, 0, kRate, 0.0f);
  const Numbers w0 = to_numbers(value), v0 = to_numbers(velocity), g0 = to_numbers(grad);
  auto run = [=] {
    q.run(cpu::sgd_step, cuda::sgd_step, value, grad, velocity, rate.view().as<float>(), r.hyper, r.decayed);
  };
  auto expected = [=](bool want_velocity) {
    Numbers w = w0, v = v0;
    const double mu = double(r.hyper.momentum), decay = double(r.hyper.decay);
    for (size_t i = 0; i < w.size(); ++i) {
      const double g = g0[i] + (int64_t(i) < r.decayed ? decay * w[i] : 0.0);
      v[i] = mu * v[i] + g;
      const double step = r.hyper.nesterov ? g + mu * v[i] : v[i];
      w[i] -= double(kRate) * (!r.hyper.sign ? step : step > 0 ? 1 : step < 0 ? -1 : 0);
    }
    return want_velocity ? v : w;
  };
  return {run,
          {expect(
               "value", value, [=] { return expected(false); }, 1e-6),
           expect(
               "velocity", velocity, [=] { return expected(true); }, 1e-6)}};
}

}  // namespace

std::vector<OpCase> sgd_step_cases() {
  std::vector<OpCase> cases;
  for (const Row& r : kRows)
    cases.push_back(
        {fmt::format("sgd_step/{}{}{}", r.n, r.hyper.nesterov ? "+nesterov" : "", r.hyper.sign ? "+sign" : ""), r.timed,
         0, 20.0 * double(r.n), [r](Queue q) { return bind(q, r); }});
  return cases;
}

}  // namespace skein
