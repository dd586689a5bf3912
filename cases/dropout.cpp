#include "kernels/dropout.h"

#include <fmt/format.h>

#include "base/random.h"
#include "cases/op_case.h"

namespace skein {
namespace {

struct DropoutRow {
  Shape x;
  float rate;
  bool timed = false;
};
// The timed one: a block of WRN-28-10, batch 16.
const std::vector<DropoutRow> kDropoutRows = {{.x = {1, 1, 1, 1}, .rate = 0.5f},
                                              {.x = {2, 3, 5, 7}, .rate = 0.3f},
                                              {.x = {3, 7, 11, 13}, .rate = 0.0f},
                                              {.x = {1, 9, 9, 60}, .rate = 0.9f},
                                              {.x = {16, 32, 32, 160}, .rate = 0.3f, .timed = true}};
constexpr uint64_t kDropoutSeed = 0x0123456789abcdef;
constexpr uint32_t kDropoutWorker = 3, kDropoutStep = 17, kDropoutLayer = 5;

BoundCase bind_dropout(Queue q, const DropoutRow& r, DType type) {
  const Tensor x = random_tensor(q, r.x, 1, 0, 1, type), y = Tensor::empty(q.device, type, r.x);
  const Tensor step = Tensor::empty(q.device, DType::i32, {1});
  q.run(kernel::copy_from_host, &kDropoutStep, step);
  auto run = [=](Queue q) {
    q.run(kernel::dropout, x, r.rate, DropoutStream{kDropoutSeed, kDropoutWorker, step.view().as<const uint32_t>()},
          kDropoutLayer, y);
  };
  auto expected = [=] {
    Numbers out = to_numbers(x);
    for (size_t i = 0; i < out.size(); ++i) {
      const RandomWords w = random_words(kDropoutSeed, Purpose::dropout, kDropoutStep,
                                         kDropoutWorker << 16 | kDropoutLayer, uint32_t(i / 4));
      out[i] = double(w[i % 4] >> 8) < double(r.rate) * 0x1p24 ? 0 : out[i] / (1 - double(r.rate));
    }
    return out;
  };
  return {q, run, {expect("y", y, tolerance_of(type), expected)}};
}

void dropout_cases(OpCases& cases) {
  for (const DropoutRow& r : kDropoutRows)
    for (const DType t : {DType::f32, DType::bf16})
      cases.add(fmt::format("dropout/{}/{}", name_of(r.x), r.rate), r.timed, bind_dropout, r, t).same_bits = true;
}

std::vector<GradientCase> dropout_gradients() {
  // The same draw both ways, as a linear map.
  const auto map = [](const Numbers& x) {
    Numbers y = x;
    for (size_t i = 0; i < y.size(); ++i)
      y[i] *= uniform(random_words(kDropoutSeed, Purpose::dropout, kDropoutStep, kDropoutLayer,
                                   uint32_t(i / 4))[int64_t(i % 4)]) < 0.5f
                  ? 0
                  : 2;
    return y;
  };
  return {{"dropout",
           {{24}},
           [map](const auto& in) { return map(in[0]); },
           [map](const auto&, const Numbers& dy) { return std::vector<Numbers>{map(dy)}; },
           [](Tape& t, const auto& in) {
             t.draws = {kDropoutSeed, 0, &kDropoutStep};
             return std::vector<Var>{dropout(in[0], 0.5f, kDropoutLayer)};
           }}};
}

const RegisterCases dropout_table{"dropout", dropout_cases, dropout_gradients};

}  // namespace
}  // namespace skein
