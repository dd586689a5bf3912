#include "kernels/adamw_step.h"

#include <fmt/format.h>

#include <cmath>

#include "cases/op_case.h"

namespace skein {
namespace {

struct AdamwStepRow {
  int64_t n, decayed;
  AdamwHyper hyper = {};
  float steps = 0;  // before this one
  bool shadow = false, timed = false;
};
const std::vector<AdamwStepRow> kAdamwStepRows = {
    {.n = 1, .decayed = 0},
    {.n = 777, .decayed = 700, .steps = 1},
    {.n = 10001, .decayed = 5000, .hyper = {.beta1 = 0.5, .beta2 = 0.9, .epsilon = 1e-3, .decay = 0.5}, .steps = 9},
    {.n = 64, .decayed = 64, .hyper = {.beta1 = 0, .beta2 = 0, .decay = 0}},
    {.n = 5, .decayed = 3, .steps = 100000, .shadow = true},
    {.n = 60005, .decayed = 1027, .steps = 3, .shadow = true},
    // ResNet-20, the same with bf16 activations, ResNet-50
    {.n = 272640, .decayed = 271104, .timed = true},
    {.n = 272640, .decayed = 271104, .shadow = true, .timed = true},
    {.n = 25557120, .decayed = 25500000, .shadow = true, .timed = true}};
constexpr float kRate = 0.125f;

struct AdamwState {
  Numbers value, first, second;
};

AdamwState expected_state(AdamwState s, const Numbers& grad, const AdamwStepRow& r) {
  const AdamwHyper& h = r.hyper;
  const double t = double(r.steps) + 1, rate = double(kRate);
  for (size_t i = 0; i < grad.size(); ++i) {
    const double g = grad[i];
    if (int64_t(i) < r.decayed) s.value[i] *= 1 - rate * h.decay;
    s.first[i] = h.beta1 * s.first[i] + (1 - h.beta1) * g;
    s.second[i] = h.beta2 * s.second[i] + (1 - h.beta2) * g * g;
    const double mean = s.first[i] / (1 - std::pow(h.beta1, t)), square = s.second[i] / (1 - std::pow(h.beta2, t));
    s.value[i] -= rate * mean / (std::sqrt(square) + h.epsilon);
  }
  return s;
}

BoundCase bind_adamw_step(Queue q, const AdamwStepRow& r) {
  const Tensor value = random_tensor(q, {r.n}, 1), grad = random_tensor(q, {r.n}, 2);
  const Tensor first = random_tensor(q, {r.n}, 3), second = random_tensor(q, {r.n}, 4, 2.0f, 0.25f);
  const Tensor rate = random_tensor(q, {1}, 0, kRate, 0.0f), steps = random_tensor(q, {1}, 0, r.steps, 0.0f);
  const Tensor shadow = r.shadow ? Tensor::empty(q.device, DType::bf16, {r.n}) : Tensor{};
  const AdamwState before{to_numbers(value), to_numbers(first), to_numbers(second)};
  auto state = [before, r, g = to_numbers(grad)] { return expected_state(before, g, r); };
  auto run = [=](Queue q) {
    q.run(kernel::adamw_step, value, grad, first, second, shadow, steps, rate.view().as<float>(), r.hyper, r.decayed);
  };
  BoundCase bound{q,
                  run,
                  {expect("value", value, 1e-6, [=] { return state().value; }),
                   expect("first", first, 1e-6, [=] { return state().first; }),
                   expect("second", second, 1e-6, [=] { return state().second; }),
                   expect("steps", steps, 0, [r] { return Numbers{double(r.steps) + 1}; })}};
  if (r.shadow) bound.outputs.push_back(expect_shadow(shadow, value));
  return bound;
}

void adamw_step_cases(OpCases& cases) {
  for (const AdamwStepRow& r : kAdamwStepRows)
    cases.add(fmt::format("adamw_step/{}/{:g}{}", r.n, r.steps, r.shadow ? "+shadow" : ""), r.timed, bind_adamw_step,
              r);
}

const RegisterCases adamw_step_table{"adamw_step", adamw_step_cases};

}  // namespace
}  // namespace skein
