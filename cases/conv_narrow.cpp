#include "kernels/cuda/conv_narrow.h"

#include <fmt/format.h>

#include "cases/cases.h"
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

OpCase make(const char* name, const ConvNarrowRow& r, cuda::ConvPass pass, double bytes) {
  const auto bind = [r, pass](Queue q) -> BoundCase {
    using cuda::ConvPass;
    const auto t = std::make_shared<ConvNarrowOperands>(q, r);
    const Tensor w = pass == ConvPass::backward_weights ? t->dw : t->w;
    const cuda::ConvProblem problem = cuda::conv_problem(pass, t->x, w, t->conv.g, t->y);
    const auto run = [=] { cuda::conv_narrow(q.stream, problem, t->x, w, t->y); };
    switch (pass) {
      case ConvPass::forward:
        return {run,
                {expect(
                    "y", t->y, [t] { return t->conv.forward(to_numbers(t->x), to_numbers(t->w)); },
                    tolerance_of(DType::bf16))}};
      case ConvPass::backward_data:
        return {run,
                {expect(
                    "dx", t->x, [t] { return t->conv.backward_data(to_numbers(t->y), to_numbers(t->w)); },
                    tolerance_of(DType::bf16))}};
      default:
        return {run,
                {expect("dw", t->dw, [t] { return t->conv.backward_weights(to_numbers(t->x), to_numbers(t->y)); })}};
    }
  };
  const double multiplications = double(r.reference().y().numel()) * 9 * double(r.x[3]);
  return {fmt::format("{}/{}->{}", name, name_of(r.x), r.out), r.timed, 2 * multiplications, bytes, bind, true};
}

}  // namespace

std::vector<OpCase> conv_narrow_cases() {
  std::vector<OpCase> cases;
  for (const ConvNarrowRow& r : kConvNarrowRows) {
    const double activations = 2.0 * double(r.x.numel() + r.reference().y().numel());
    const double weights = double(r.reference().w.numel());
    cases.push_back(make("narrow_conv_forward", r, cuda::ConvPass::forward, activations + 2 * weights));
    cases.push_back(make("narrow_conv_backward_data", r, cuda::ConvPass::backward_data, activations + 2 * weights));
    cases.push_back(
        make("narrow_conv_backward_weights", r, cuda::ConvPass::backward_weights, activations + 4 * weights));
  }
  return cases;
}

}  // namespace skein
