#include "kernels/downsample.h"

#include <fmt/format.h>

#include "cases/cases.h"
#include "kernels/reference/pool.h"

namespace skein {
namespace {

struct DownsampleRow {
  reference::Downsample op;
  bool timed = false;
};
const std::vector<DownsampleRow> kDownsampleRows = {{{{1, 1, 1, 1}, 2, 1}},      {{{3, 5, 7, 3}, 2, 8}},
                                                    {{{2, 6, 4, 16}, 3, 16}},    {{{2, 5, 3, 12}, 2, 28}},
                                                    {{{13, 32, 32, 16}, 2, 32}}, {{{128, 32, 32, 16}, 2, 32}, true}};

BoundCase bind_downsample_forward(Queue q, const reference::Downsample& op, DType type) {
  const Tensor x = random_tensor(q, op.x, 1, 0, 1, type), y = Tensor::empty(q.device, type, op.y());
  return {[=] { q.run(cpu::downsample_forward, cuda::downsample_forward, x, op.stride, y); },
          {expect(
              "y", y, [=] { return op.forward(to_numbers(x)); }, 0.0)}};
}

BoundCase bind_downsample_backward(Queue q, const reference::Downsample& op, DType type) {
  const Tensor dy = random_tensor(q, op.y(), 1, 0, 1, type), dx = Tensor::empty(q.device, type, op.x);
  return {[=] { q.run(cpu::downsample_backward, cuda::downsample_backward, dy, op.stride, dx); },
          {expect(
              "dx", dx, [=] { return op.backward(to_numbers(dy)); }, 0.0)}};
}

}  // namespace

std::vector<OpCase> downsample_cases() {
  std::vector<OpCase> cases;
  for (const DownsampleRow& r : kDownsampleRows)
    for (const DType t : {DType::f32, DType::bf16}) {
      const reference::Downsample& op = r.op;
      const std::string shape = fmt::format("{}->{}/{}{}", name_of(op.x), op.out, op.stride, suffix_of(t));
      const double bytes = double(size_of(t)), kept = double(op.y().numel()) * double(op.x[3]) / double(op.out);
      cases.push_back({"downsample_forward/" + shape, r.timed, 0, bytes * (kept + double(op.y().numel())),
                       [=](Queue q) { return bind_downsample_forward(q, op, t); }, t == DType::bf16, true});
      cases.push_back({"downsample_backward/" + shape, r.timed, 0, bytes * (kept + double(op.x.numel())),
                       [=](Queue q) { return bind_downsample_backward(q, op, t); }, t == DType::bf16, true});
    }
  return cases;
}

std::vector<GradientCase> downsample_gradients() {
  const reference::Downsample op{{2, 3, 4, 2}, 2, 5};
  return {{"downsample",
           {random_numbers(op.x.numel(), 1)},
           [op](const auto& in) { return op.forward(in[0]); },
           [op](const auto&, const Numbers& dy) { return std::vector<Numbers>{op.backward(dy)}; }}};
}

}  // namespace skein
