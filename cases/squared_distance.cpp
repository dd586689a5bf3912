#include "kernels/squared_distance.h"

#include <fmt/format.h>

#include "cases/op_case.h"

namespace skein {
namespace {

// The operands begin `shift` numbers behind an aligned address. The timed rows are ResNet-20 and ResNet-50.
struct DistanceRow {
  int64_t n, shift = 0;
  bool alone = false;  // without y
  bool timed = false;
};
const std::vector<DistanceRow> kDistanceRows = {{.n = 1},
                                                {.n = 777, .shift = 1},
                                                {.n = 60007, .shift = 3},
                                                {.n = 60007, .alone = true},
                                                {.n = 65, .shift = 2, .alone = true},
                                                {.n = 272640, .timed = true},
                                                {.n = 25557120, .timed = true}};

BoundCase bind_distance(Queue q, const DistanceRow& r) {
  const auto vector = [&](uint64_t seed) {
    return random_tensor(q, {r.n + r.shift}, seed, 0, 1).slice(r.shift, {r.n});
  };
  const Tensor x = vector(1), y = r.alone ? Tensor() : vector(2), sum = Tensor::zeros(q.device, DType::f32, {1});
  auto expected = [=] {
    const Numbers a = to_numbers(x), b = r.alone ? Numbers(a.size(), 0.0) : to_numbers(y);
    double squares = 0;
    for (size_t i = 0; i < a.size(); ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
    return Numbers{squares};
  };
  return {q, [=](Queue q) { q.run(kernel::squared_distance, x, y, sum); }, {expect("sum", sum, 1e-5, expected)}};
}

void distance_cases(OpCases& cases) {
  for (const DistanceRow& r : kDistanceRows)
    cases.add(fmt::format("squared_distance/{}+{}{}", r.n, r.shift, r.alone ? "/alone" : ""), r.timed, bind_distance,
              r);
}

const RegisterCases distance_table{"squared_distance", distance_cases};

}  // namespace
}  // namespace skein
