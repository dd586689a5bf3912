#include <fmt/format.h>

#include "cases/op_case.h"
#include "kernels/cuda/conv/narrow.h"
#include "kernels/reference/conv.h"

namespace skein {
namespace {

struct ConvNarrowRow {
  Shape x;
  int64_t out;
  bool timed = false;
  reference::Conv reference() const { return {x, {out, 3, 3, x[3]}, {1, 1}}; }
};

// Patches that are cut off to the right, below and after the last image; 4, 8 and more channels, in one go and several;
// more patches than the emulated GPU has blocks for.
const std::vector<ConvNarrowRow> kConvNarrowRows = {
    {{1, 1, 1, 4}, 4},
    {{1, 3, 17, 16}, 16},
    {{2, 8, 8, 36}, 12},
    {{9, 3, 17, 8}, 8},
    {{1, 3, 8, 32}, 36},
    {{1, 3, 9, 40}, 40},
    {{1, 3, 9, 16}, 24},
    {{1, 3, 9, 24}, 16},
    // ResNet-20, DenseNet-40-12 and ResNet-50 at the batches they are measured with
    {{128, 32, 32, 16}, 16, true},
    {{128, 16, 16, 32}, 32, true},
    {{128, 8, 8, 64}, 64, true},
    {{64, 32, 32, 100}, 12, true},
    {{64, 8, 8, 400}, 12, true},
    {{64, 56, 56, 64}, 64, true}};

struct ConvNarrowOperands {
  reference::Conv conv;
  Tensor x, w, y, dw;
  ConvNarrowOperands(Queue q, const ConvNarrowRow& r)
      : conv(r.reference()),
        x(random_tensor(q, conv.x, 1, 0, 1, DType::bf16)),
        w(random_tensor(q, conv.w, 2, 0, 1, DType::bf16)),
        y(random_tensor(q, conv.y(), 3, 0, 1, DType::bf16)),
        dw(random_tensor(q, conv.w, 4)) {}
};

// The cost is that of the convolution which the kernel computes.
Cost narrow_cost(const cuda::ConvProblem& p, View x, View w, View y) {
  const ConvGeometry g{p.stride, p.padding};
  switch (p.pass) {
    case ConvPass::forward:
      return kernel::conv_forward.cost(x, w, g, y);
    case ConvPass::backward_data:
      return kernel::conv_backward_data.cost(y, w, g, x);
    default:
      return kernel::conv_backward_weights.cost(x, y, g, w);
  }
}
constexpr Kernel<cuda::ConvNarrow> kConvNarrow{"conv_narrow", nullptr, SKEIN_ON_CUDA(conv_narrow), narrow_cost};

BoundCase bind_narrow(Queue q, const ConvNarrowRow& r, ConvPass pass) {
  const auto t = std::make_shared<ConvNarrowOperands>(q, r);
  const Tensor w = pass == ConvPass::backward_weights ? t->dw : t->w;
  const cuda::ConvProblem problem = cuda::conv_problem(pass, t->x, w, t->conv.g, t->y);
  const auto run = [=](Queue q) { q.run(kConvNarrow, problem, t->x, w, t->y); };
  switch (pass) {
    case ConvPass::forward:
      return {q, run, {expect("y", t->y, tolerance_of(DType::bf16), [t] {
                return t->conv.forward(to_numbers(t->x), to_numbers(t->w));
              })}};
    case ConvPass::backward_data:
      return {q, run, {expect("dx", t->x, tolerance_of(DType::bf16), [t] {
                return t->conv.backward_data(to_numbers(t->y), to_numbers(t->w));
              })}};
    default:
      return {
          q, run, {expect("dw", t->dw, [t] { return t->conv.backward_weights(to_numbers(t->x), to_numbers(t->y)); })}};
  }
}

void conv_narrow_cases(OpCases& cases) {
  for (const ConvNarrowRow& r : kConvNarrowRows)
    for (const auto& [name, pass] : {std::pair{"forward", ConvPass::forward},
                                     {"backward_data", ConvPass::backward_data},
                                     {"backward_weights", ConvPass::backward_weights}})
      cases.add(fmt::format("narrow_conv_{}/{}->{}", name, name_of(r.x), r.out), r.timed, bind_narrow, r, pass)
          .cuda_only = true;
}

const RegisterCases conv_narrow_table{"conv_narrow", conv_narrow_cases};

}  // namespace
}  // namespace skein
