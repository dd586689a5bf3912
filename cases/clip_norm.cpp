#include "kernels/clip_norm.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cases/op_case.h"

namespace skein {
namespace {

struct ClipNormRow {
  int64_t n;
  float most = 1, scale = 1;
  bool timed = false;
};
// A gradient of zero, one below the norm; the timed ones are ResNet-20 and ResNet-50.
const std::vector<ClipNormRow> kClipNormRows = {{.n = 1},
                                                {.n = 777, .most = 5},
                                                {.n = 60007, .most = 0.1f},
                                                {.n = 65, .most = 1000},
                                                {.n = 100, .scale = 0},
                                                {.n = 272640, .timed = true},
                                                {.n = 25557120, .timed = true}};

BoundCase bind_clip_norm(Queue q, const ClipNormRow& r) {
  const Tensor grad = random_tensor(q, {r.n}, 1, 0, r.scale);
  const Numbers g0 = to_numbers(grad);
  auto expected = [=] {
    double squares = 0;
    for (const double g : g0) squares += g * g;
    Numbers g = g0;
    for (double& x : g) x *= std::min(1.0, double(r.most) / (std::sqrt(squares) + 1e-6));
    return g;
  };
  return {q, [=](Queue q) { q.run(kernel::clip_norm, r.most, grad); }, {expect("grad", grad, 1e-6, expected)}};
}

void clip_norm_cases(OpCases& cases) {
  for (const ClipNormRow& r : kClipNormRows)
    cases.add(fmt::format("clip_norm/{}/{:g}/{:g}", r.n, r.most, r.scale), r.timed, bind_clip_norm, r);
}

const RegisterCases clip_norm_table{"clip_norm", clip_norm_cases};

}  // namespace
}  // namespace skein
