#include "kernels/lars.h"

#include <fmt/format.h>

#include <cmath>

#include "cases/op_case.h"

namespace skein {
namespace {

struct LarsRow {
  int64_t n;
  LarsHyper hyper = {};
  float scale_value = 1, scale_grad = 1;
  bool timed = false;
};
// A norm of zero; the timed ones are the largest tensors of ResNet-20 and ResNet-50.
const std::vector<LarsRow> kLarsRows = {{.n = 1},
                                        {.n = 65, .hyper = {.eta = 0.02f, .decay = 0.1f}, .scale_grad = 3},
                                        {.n = 60007, .scale_value = 0.01f},
                                        {.n = 100, .hyper = {.eta = 0.02f, .decay = 0}, .scale_value = 0},
                                        {.n = 100, .hyper = {.eta = 0.02f, .decay = 0.1f}, .scale_grad = 0},
                                        {.n = 36864, .timed = true},
                                        {.n = 2359296, .timed = true}};

double norm(const Numbers& x) {
  double sum = 0;
  for (const double v : x) sum += v * v;
  return std::sqrt(sum);
}

BoundCase bind_lars(Queue q, const LarsRow& r) {
  const Tensor value = random_tensor(q, {r.n}, 1, 0, r.scale_value), grad = random_tensor(q, {r.n}, 2, 0, r.scale_grad);
  const Numbers w = to_numbers(value), g0 = to_numbers(grad);
  auto run = [=](Queue q) { q.run(kernel::lars_scale, value, r.hyper, grad); };
  auto expected = [=] {
    const double eta = double(r.hyper.eta), decay = double(r.hyper.decay), wn = norm(w), gn = norm(g0);
    const double rate = wn > 0 && gn > 0 ? eta * wn / (gn + decay * wn) : 1;
    Numbers g = g0;
    for (size_t i = 0; i < g.size(); ++i) g[i] = rate * (g[i] + decay * w[i]);
    return g;
  };
  return {q, run, {expect("grad", grad, 1e-6, expected)}};
}

void lars_cases(OpCases& cases) {
  for (const LarsRow& r : kLarsRows)
    cases.add(fmt::format("lars/{}/{:g}/{:g}", r.n, r.scale_value, r.scale_grad), r.timed, bind_lars, r);
}

const RegisterCases lars_table{"lars", lars_cases};

}  // namespace
}  // namespace skein
