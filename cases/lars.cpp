#include "kernels/lars.h"

#include <fmt/format.h>

#include <cmath>

#include "cases/cases.h"

namespace skein {
namespace {

struct LarsRow {
  int64_t n;
  LarsHyper hyper;
  float scale_value, scale_grad;
  bool timed = false;
};
const std::vector<LarsRow> kLarsRows = {{1, {}, 1, 1},
                                        {65, {0.02f, 0.1f}, 1, 3},
                                        {60007, {}, 0.01f, 1},
                                        {100, {0.02f, 0}, 0, 1},  // a norm of zero
                                        {100, {0.02f, 0.1f}, 1, 0},
                                        {36864, {}, 1, 1, true},     // ResNet-20's largest tensor
                                        {2359296, {}, 1, 1, true}};  // ResNet-50's

double norm(const Numbers& x) {
  double sum = 0;
  for (const double v : x) sum += v * v;
  return std::sqrt(sum);
}

BoundCase bind_lars(Queue q, const LarsRow& r) {
  const Tensor value = random_tensor(q, {r.n}, 1, 0, r.scale_value), grad = random_tensor(q, {r.n}, 2, 0, r.scale_grad);
  const Numbers w = to_numbers(value), g0 = to_numbers(grad);
  auto run = [=] { q.run(cpu::lars_scale, cuda::lars_scale, value, r.hyper, grad); };
  auto expected = [=] {
    const double eta = double(r.hyper.eta), decay = double(r.hyper.decay), wn = norm(w), gn = norm(g0);
    const double rate = wn > 0 && gn > 0 ? eta * wn / (gn + decay * wn) : 1;
    Numbers g = g0;
    for (size_t i = 0; i < g.size(); ++i) g[i] = rate * (g[i] + decay * w[i]);
    return g;
  };
  return {run, {expect("grad", grad, expected, 1e-6)}};
}

}  // namespace

std::vector<OpCase> lars_cases() {
  std::vector<OpCase> cases;
  for (const LarsRow& r : kLarsRows)
    cases.push_back({fmt::format("lars/{}/{:g}/{:g}", r.n, r.scale_value, r.scale_grad), r.timed, 0, 20.0 * double(r.n),
                     [r](Queue q) { return bind_lars(q, r); }});
  return cases;
}

}  // namespace skein
