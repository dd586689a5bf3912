#include "kernels/gather.h"

#include <fmt/format.h>

#include "cases/op_case.h"

namespace skein {
namespace {

constexpr int64_t kLabels = 1000;

BoundCase bind_gather(Queue q, int64_t n) {
  const Tensor from = random_labels(q, kLabels, 10, 1), index = random_labels(q, n, kLabels, 2),
               out = Tensor::empty(q.device, DType::i32, {n});
  return {q, [=](Queue q) { q.run(kernel::gather, from, index, out); }, {expect("out", out, [=] {
            const Numbers all = to_numbers(from), at = to_numbers(index);
            Numbers expected;
            for (const double i : at) expected.push_back(all[size_t(i)]);
            return expected;
          })}};
}

void gather_cases(OpCases& cases) {
  for (const int64_t n : {1, 127, 129}) cases.add(fmt::format("gather/{}", n), false, bind_gather, n);
}

const RegisterCases gather_table{"gather", gather_cases};

}  // namespace
}  // namespace skein
