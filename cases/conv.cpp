#include "kernels/conv.h"

#include <fmt/format.h>

#include "cases/op_case.h"
#include "kernels/reference/conv.h"

namespace skein {
namespace {

struct ConvRow {
  Shape x;
  int64_t out, kernel, stride;
  bool timed = false;
  reference::Conv reference() const { return {x, {out, kernel, kernel, x[3]}, {stride, kernel / 2}}; }
};

// Small and odd: single rows and columns, tails of every vector width, strides that do not divide.
const std::vector<ConvRow> kConvRows = {{{1, 1, 1, 1}, 1, 1, 1},
                                        {{2, 5, 7, 3}, 16, 3, 1},
                                        {{2, 4, 4, 1}, 16, 3, 1},
                                        {{3, 7, 5, 16}, 16, 3, 1},
                                        {{2, 9, 6, 16}, 32, 3, 2},
                                        {{2, 7, 9, 32}, 32, 3, 1},
                                        {{1, 8, 8, 64}, 64, 3, 1},
                                        {{2, 8, 8, 32}, 64, 3, 2},
                                        {{3, 8, 8, 16}, 32, 1, 2},
                                        {{1, 7, 7, 32}, 64, 1, 2},
                                        {{2, 6, 5, 5}, 7, 3, 1},
                                        {{2, 6, 5, 5}, 7, 3, 2},
                                        {{1, 9, 9, 3}, 8, 7, 2},
                                        {{2, 1, 9, 16}, 16, 3, 1},
                                        {{2, 11, 1, 16}, 16, 3, 1},
                                        {{1, 4, 6, 12}, 24, 1, 1},
                                        {{1, 33, 31, 16}, 16, 3, 1},
                                        {{2, 16, 16, 48}, 16, 3, 1},
                                        {{1, 6, 6, 16}, 80, 3, 1},
                                        {{5, 3, 3, 64}, 64, 3, 1},
                                        {{1, 2, 2, 16}, 32, 3, 2},
                                        {{1, 6, 6, 17}, 33, 3, 1},
                                        {{2, 14, 14, 16}, 16, 3, 1},
                                        {{7, 8, 8, 64}, 64, 3, 1},
                                        {{2, 6, 5, 12}, 12, 3, 1},
                                        {{1, 9, 7, 28}, 12, 3, 1},
                                        {{2, 8, 8, 40}, 12, 3, 1},
                                        {{1, 5, 6, 100}, 14, 3, 1},
                                        {{2, 5, 5, 15}, 47, 3, 1},
                                        {{2, 6, 6, 28}, 12, 3, 1},
                                        {{2, 5, 6, 272}, 16, 3, 1},
                                        {{3, 7, 1, 16}, 32, 3, 2},  // taps that see the border alone
                                        {{2, 1, 1, 5}, 7, 3, 2},
                                        {{4, 64, 64, 4}, 8, 1, 2},  // pixels of less than a vector, of two threads
                                        {{4, 34, 33, 12}, 16, 1, 2},
                                        {{16, 8, 15, 16}, 17, 1, 1},
                                        // More than one part of a kind: panels, groups of tiles, tiles of pixels
                                        {{1, 6, 5, 300}, 150, 3, 1},
                                        {{2, 1, 85, 2736}, 16, 3, 1},
                                        {{2, 5, 5, 128}, 264, 3, 2},
                                        {{3, 17, 19, 256}, 48, 1, 1},
                                        {{3, 17, 19, 64}, 64, 1, 2},
                                        // ResNet-20 on 32x32 images, batch 128
                                        {{128, 32, 32, 3}, 16, 3, 1, true},
                                        {{128, 32, 32, 16}, 16, 3, 1, true},
                                        {{128, 32, 32, 16}, 32, 3, 2, true},
                                        {{128, 16, 16, 32}, 32, 3, 1, true},
                                        {{128, 16, 16, 32}, 64, 3, 2, true},
                                        {{128, 8, 8, 64}, 64, 3, 1, true},
                                        {{128, 32, 32, 16}, 32, 1, 2, true},
                                        {{128, 16, 16, 32}, 64, 1, 2, true},
                                        // WRN-28-10, DenseNet-40-12 and ResNet-50 at the batches they are measured with
                                        {{16, 32, 32, 160}, 160, 3, 1, true},
                                        {{16, 8, 8, 640}, 640, 3, 1, true},
                                        {{64, 32, 32, 100}, 12, 3, 1, true},
                                        {{16, 224, 224, 3}, 64, 7, 2, true},
                                        {{16, 56, 56, 64}, 256, 1, 1, true},
                                        {{16, 14, 14, 1024}, 256, 1, 1, true},
                                        {{16, 7, 7, 512}, 512, 3, 1, true}};

// All but the weight gradient, which is f32, have the type.
struct ConvTensors {
  ConvRow row;
  Tensor x, w, dy, y, dx, dw;
  ConvTensors(Queue q, const ConvRow& r, DType type)
      : row(r),
        x(random_tensor(q, r.x, 1, 0, 1, type)),
        w(random_tensor(q, r.reference().w, 2, 0, 1, type)),
        dy(random_tensor(q, r.reference().y(), 3, 0, 1, type)),
        y(Tensor::empty(q.device, type, r.reference().y())),
        dx(Tensor::empty(q.device, type, r.x)),
        dw(Tensor::empty(q.device, DType::f32, r.reference().w)) {}
};

BoundCase bind_conv_forward(Queue q, const ConvRow& r, DType type) {
  auto t = std::make_shared<ConvTensors>(q, r, type);
  return {q,
          [=](Queue q) { q.run(kernel::conv_forward, t->x, t->w, t->row.reference().g, t->y); },
          {expect("y", t->y, tolerance_of(type),
                  [t] { return t->row.reference().forward(to_numbers(t->x), to_numbers(t->w)); })}};
}

BoundCase bind_backward_data(Queue q, const ConvRow& r, DType type) {
  auto t = std::make_shared<ConvTensors>(q, r, type);
  return {q,
          [=](Queue q) { q.run(kernel::conv_backward_data, t->dy, t->w, t->row.reference().g, t->dx); },
          {expect("dx", t->dx, tolerance_of(type),
                  [t] { return t->row.reference().backward_data(to_numbers(t->dy), to_numbers(t->w)); })}};
}

// The gradient of bf16 operands may pass through bf16.
BoundCase bind_backward_weights(Queue q, const ConvRow& r, DType type) {
  auto t = std::make_shared<ConvTensors>(q, r, type);
  auto run = [=](Queue q) { q.run(kernel::conv_backward_weights, t->x, t->dy, t->row.reference().g, t->dw); };
  return {q, run, {expect("dw", t->dw, tolerance_of(type), [t] {
            return t->row.reference().backward_weights(to_numbers(t->x), to_numbers(t->dy));
          })}};
}

void conv_cases(OpCases& cases) {
  for (const ConvRow& r : kConvRows)
    for (const DType t : {DType::f32, DType::bf16}) {
      const std::string shape = fmt::format("{}->{} {}x{}/{}", name_of(r.x), r.out, r.kernel, r.kernel, r.stride);
      cases.add("conv_forward/" + shape, r.timed, bind_conv_forward, r, t).by_library = true;
      if (!r.timed || r.x[3] > 3)  // images need no gradient
        cases.add("conv_backward_data/" + shape, r.timed, bind_backward_data, r, t).by_library = true;
      cases.add("conv_backward_weights/" + shape, r.timed, bind_backward_weights, r, t).by_library = true;
    }
}

std::vector<GradientCase> conv_gradients() {
  std::vector<GradientCase> cases;
  for (const int64_t stride : {1, 2}) {
    const reference::Conv c{{2, 4, 5, 2}, {3, 3, 3, 2}, {stride, 1}};
    cases.push_back({fmt::format("conv2d+3x3/{}", stride),
                     {c.x, c.w},
                     [c](const auto& in) { return c.forward(in[0], in[1]); },
                     [c](const auto& in, const Numbers& dy) {
                       return std::vector<Numbers>{c.backward_data(dy, in[1]), c.backward_weights(in[0], dy)};
                     },
                     [c](Tape&, const auto& in) { return std::vector<Var>{conv2d(in[0], in[1], c.g)}; }});
  }
  return cases;
}

const RegisterCases conv_table{"conv", conv_cases, conv_gradients};

}  // namespace
}  // namespace skein
