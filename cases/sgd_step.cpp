#include "kernels/sgd_step.h"

#include <fmt/format.h>

#include "cases/op_case.h"

namespace skein {
namespace {

struct SgdStepRow {
  int64_t n, decayed;
  SgdHyper hyper = {};
  bool shadow = false, timed = false;
};
const std::vector<SgdStepRow> kSgdStepRows = {
    {.n = 1, .decayed = 0},
    {.n = 777, .decayed = 700},
    {.n = 10001, .decayed = 5000, .hyper = {.momentum = 0.5f, .decay = 0.1f, .nesterov = false}},
    {.n = 64, .decayed = 64, .hyper = {.momentum = 0.0f, .decay = 0.0f, .nesterov = false}},
    {.n = 777, .decayed = 700, .hyper = {.momentum = 0.9f, .decay = 1e-4f, .nesterov = true, .sign = true}},
    {.n = 4099, .decayed = 0, .hyper = {.momentum = 0.5f, .decay = 0.0f, .nesterov = false, .sign = true}},
    {.n = 5, .decayed = 3, .shadow = true},
    {.n = 60005, .decayed = 1027, .shadow = true},
    // ResNet-20, the same with bf16 activations, ResNet-50
    {.n = 272640, .decayed = 271104, .timed = true},
    {.n = 272640, .decayed = 271104, .shadow = true, .timed = true},
    {.n = 25557120, .decayed = 25500000, .shadow = true, .timed = true}};
constexpr float kRate = 0.1f;

BoundCase bind_sgd_step(Queue q, const SgdStepRow& r) {
  const Tensor value = random_tensor(q, {r.n}, 1), grad = random_tensor(q, {r.n}, 2);
  const Tensor velocity = random_tensor(q, {r.n}, 3), rate = random_tensor(q, {1}, 0, kRate, 0.0f);
  const Tensor shadow = r.shadow ? Tensor::empty(q.device, DType::bf16, {r.n}) : Tensor{};
  const Numbers w0 = to_numbers(value), v0 = to_numbers(velocity), g0 = to_numbers(grad);
  auto run = [=](Queue q) {
    q.run(kernel::sgd_step, value, grad, velocity, shadow, rate.view().as<float>(), r.hyper, r.decayed);
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
  BoundCase bound{
      q, run, {expect("value", value, 1e-6, [=] { return expected(false); }), expect("velocity", velocity, 1e-6, [=] {
                 return expected(true);
               })}};
  if (r.shadow) bound.outputs.push_back(expect_shadow(shadow, value));
  return bound;
}

void sgd_step_cases(OpCases& cases) {
  for (const SgdStepRow& r : kSgdStepRows)
    cases
        .add(fmt::format("sgd_step/{}{}{}{}", r.n, r.hyper.nesterov ? "+nesterov" : "", r.hyper.sign ? "+sign" : "",
                         r.shadow ? "+shadow" : ""),
             r.timed, bind_sgd_step, r)
        .same_bits = true;
}

const RegisterCases sgd_step_table{"sgd_step", sgd_step_cases};

}  // namespace
}  // namespace skein
