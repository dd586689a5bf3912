#include "kernels/downsample.h"

#include <fmt/format.h>

#include "cases/op_case.h"
#include "kernels/reference/pool.h"

namespace skein {
namespace {

struct DownsampleRow {
  reference::Downsample op;
  bool timed = false;
};
const std::vector<DownsampleRow> kDownsampleRows = {
    {.op = {.x = {1, 1, 1, 1}, .stride = 2, .out = 1}},
    {.op = {.x = {3, 5, 7, 3}, .stride = 2, .out = 8}},
    {.op = {.x = {2, 6, 4, 16}, .stride = 3, .out = 16}},
    {.op = {.x = {2, 5, 3, 12}, .stride = 2, .out = 28}},
    {.op = {.x = {13, 32, 32, 16}, .stride = 2, .out = 32}},
    {.op = {.x = {128, 32, 32, 16}, .stride = 2, .out = 32}, .timed = true}};

BoundCase bind_downsample_forward(Queue q, const reference::Downsample& op, DType type) {
  const Tensor x = random_tensor(q, op.x, 1, 0, 1, type), y = Tensor::empty(q.device, type, op.y());
  return {q,
          [=](Queue q) { q.run(kernel::downsample_forward, x, op.stride, y); },
          {expect("y", y, 0.0, [=] { return op.forward(to_numbers(x)); })}};
}

BoundCase bind_downsample_backward(Queue q, const reference::Downsample& op, DType type) {
  const Tensor dy = random_tensor(q, op.y(), 1, 0, 1, type), dx = Tensor::empty(q.device, type, op.x);
  return {q,
          [=](Queue q) { q.run(kernel::downsample_backward, dy, op.stride, dx); },
          {expect("dx", dx, 0.0, [=] { return op.backward(to_numbers(dy)); })}};
}

void downsample_cases(OpCases& cases) {
  for (const DownsampleRow& r : kDownsampleRows)
    for (const DType t : {DType::f32, DType::bf16}) {
      const reference::Downsample& op = r.op;
      const std::string shape = fmt::format("{}->{}/{}", name_of(op.x), op.out, op.stride);
      cases.add("downsample_forward/" + shape, r.timed, bind_downsample_forward, op, t).same_bits = true;
      cases.add("downsample_backward/" + shape, r.timed, bind_downsample_backward, op, t).same_bits = true;
    }
}

std::vector<GradientCase> downsample_gradients() {
  const reference::Downsample op{{2, 3, 4, 2}, 2, 5};
  return {{"downsample",
           {op.x},
           [op](const auto& in) { return op.forward(in[0]); },
           [op](const auto&, const Numbers& dy) { return std::vector<Numbers>{op.backward(dy)}; },
           [op](Tape&, const auto& in) { return std::vector<Var>{downsample(in[0], op.stride, op.out)}; }}};
}

const RegisterCases downsample_table{"downsample", downsample_cases, downsample_gradients};

}  // namespace
}  // namespace skein
