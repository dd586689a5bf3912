#include "kernels/sgd_step.h"

#include <fmt/format.h>

#include "base/bf16.h"
#include "cases/cases.h"

namespace skein {
namespace {

struct SgdStepRow {
  int64_t n, decayed;
  SgdHyper hyper;
  bool shadow = false, timed = false;
};
const std::vector<SgdStepRow> kSgdStepRows = {{1, 0, {}},
                                              {777, 700, {}},
                                              {10001, 5000, {0.5f, 0.1f, false}},
                                              {64, 64, {0.0f, 0.0f, false}},
                                              {777, 700, {0.9f, 1e-4f, true, true}},
                                              {4099, 0, {0.5f, 0.0f, false, true}},
                                              {5, 3, {}, true},
                                              {60005, 1027, {}, true},
                                              {272640, 271104, {}, false, true},      // ResNet-20
                                              {272640, 271104, {}, true, true},       // with bf16 activations
                                              {25557120, 25500000, {}, true, true}};  // ResNet-50
constexpr float kRate = 0.1f;

BoundCase bind_sgd_step(Queue q, const SgdStepRow& r) {
  const Tensor value = random_tensor(q, {r.n}, 1), grad = random_tensor(q, {r.n}, 2);
  const Tensor velocity = random_tensor(q, {r.n}, 3), rate = random_tensor(q, {1}, 0, kRate, 0.0f);
  const Tensor shadow = r.shadow ? Tensor::empty(q.device, DType::bf16, {r.n}) : Tensor{};
  const Numbers w0 = to_numbers(value), v0 = to_numbers(velocity), g0 = to_numbers(grad);
  auto run = [=] {
    q.run(cpu::sgd_step, cuda::sgd_step, value, grad, velocity, shadow, rate.view().as<float>(), r.hyper, r.decayed);
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
  BoundCase bound{run,
                  {expect(
                       "value", value, [=] { return expected(false); }, 1e-6),
                   expect(
                       "velocity", velocity, [=] { return expected(true); }, 1e-6)}};
  if (r.shadow)
    bound.outputs.push_back(expect(
        "shadow", shadow,
        [value] {
          Numbers rounded;
          for (const double v : to_numbers(value)) rounded.push_back(double(to_f32(to_bf16(float(v)))));
          return rounded;
        },
        0));
  return bound;
}

}  // namespace

std::vector<OpCase> sgd_step_cases() {
  std::vector<OpCase> cases;
  for (const SgdStepRow& r : kSgdStepRows)
    cases.push_back({fmt::format("sgd_step/{}{}{}{}", r.n, r.hyper.nesterov ? "+nesterov" : "",
                                 r.hyper.sign ? "+sign" : "", r.shadow ? "+shadow" : ""),
                     r.timed, 0, (r.shadow ? 22.0 : 20.0) * double(r.n), [r](Queue q) { return bind_sgd_step(q, r); },
                     false, true});
  return cases;
}

}  // namespace skein
