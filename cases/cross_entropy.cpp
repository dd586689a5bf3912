#include "kernels/cross_entropy.h"

#include <fmt/format.h>

#include <cmath>

#include "cases/op_case.h"
#include "kernels/reference/cross_entropy.h"

namespace skein {
namespace {

struct CrossEntropyRow {
  int64_t rows, classes;
  float scale = 1.0f;
  bool ties = false;  // logits are whole numbers
  float smoothing = 0.0f;
  bool mixed = false;  // two labels of each row
  bool timed = false;
};
const std::vector<CrossEntropyRow> kCrossEntropyRows = {{.rows = 1, .classes = 1},
                                                        {.rows = 5, .classes = 3},
                                                        {.rows = 33, .classes = 10, .scale = 30.0f},
                                                        {.rows = 301, .classes = 10, .scale = 2.0f, .ties = true},
                                                        {.rows = 6, .classes = 333, .ties = true},
                                                        {.rows = 3, .classes = 1000},
                                                        {.rows = 33, .classes = 10, .smoothing = 0.1f},
                                                        {.rows = 301, .classes = 7, .ties = true, .mixed = true},
                                                        {.rows = 9, .classes = 100, .smoothing = 0.2f, .mixed = true},
                                                        {.rows = 128, .classes = 10, .scale = 2.0f, .timed = true},
                                                        {.rows = 128, .classes = 1000, .scale = 2.0f, .timed = true}};

Tensor logits_of(Queue q, const CrossEntropyRow& r) {
  const Tensor drawn = random_tensor(q, {r.rows, r.classes}, 1, 0.0f, r.scale);
  if (!r.ties) return drawn;
  std::vector<float> whole = drawn.to_vector();
  for (float& v : whole) v = std::nearbyint(v);
  return Tensor::from(q.device, whole, {r.rows, r.classes});
}

BoundCase bind_cross_entropy(Queue q, const CrossEntropyRow& r) {
  const Tensor logits = logits_of(q, r);
  const Tensor labels = random_labels(q, r.rows, r.classes, 2);
  const Tensor second = r.mixed ? random_labels(q, r.rows, r.classes, 3) : Tensor{};
  std::vector<float> weights;  // 0, 0.25, 0.5, 0.75, 1, 0 ...
  for (int64_t i = 0; r.mixed && i < r.rows; ++i) weights.push_back(0.25f * float(i % 5));
  const Tensor weight = r.mixed ? Tensor::from(q.device, weights, {r.rows}) : Tensor{};
  const Tensor loss = Tensor::empty(q.device, DType::f32, {1}), correct = Tensor::empty(q.device, DType::i32, {2});
  const Tensor dlogits = Tensor::empty(q.device, DType::f32, {r.rows, r.classes});
  auto reference = [=] {
    const auto whole = [](const Tensor& t) {
      const Numbers n = t.defined() ? to_numbers(t) : Numbers{};
      return std::vector<int32_t>(n.begin(), n.end());
    };
    return reference::CrossEntropy{size_t(r.classes), whole(labels), whole(second),
                                   r.mixed ? to_numbers(weight) : Numbers{}, double(r.smoothing)};
  };
  return {q,
          [=](Queue q) {
            q.run(kernel::cross_entropy, logits, labels, second, weight, r.smoothing, loss, correct, dlogits);
          },
          {expect("loss", loss, [=] { return Numbers{reference().loss(to_numbers(logits))}; }),
           expect("correct", correct, 0,
                  [=] {
                    const Numbers l = to_numbers(logits);
                    return Numbers{reference().correct(l, 1), reference().correct(l, 5)};
                  }),
           expect("dlogits", dlogits, [=] { return reference().gradient(to_numbers(logits)); })}};
}

void cross_entropy_cases(OpCases& cases) {
  for (const CrossEntropyRow& r : kCrossEntropyRows)
    cases.add(fmt::format("cross_entropy/{}x{}{}{}{}", r.rows, r.classes, r.ties ? "+ties" : "",
                          r.smoothing > 0 ? "+smoothing" : "", r.mixed ? "+mixed" : ""),
              r.timed, bind_cross_entropy, r);
}

std::vector<GradientCase> cross_entropy_gradients() {
  std::vector<GradientCase> cases;
  for (const bool soft : {false, true}) {
    const reference::CrossEntropy op = soft ? reference::CrossEntropy{4, {0, 3, 1}, {2, 0, 1}, {0.25, 0.75, 0.5}, 0.125}
                                            : reference::CrossEntropy{4, {0, 3, 1}};
    cases.push_back({soft ? "cross_entropy+smoothing+mixed" : "cross_entropy",
                     {{3, 4}},
                     [op](const auto& in) { return Numbers{op.loss(in[0])}; },
                     [op](const auto& in, const Numbers& dy) {
                       Numbers d = op.gradient(in[0]);
                       for (double& x : d) x *= dy[0];
                       return std::vector<Numbers>{d};
                     },
                     [op, soft](Tape&, const auto& in) {
                       SoftTargets targets{float(op.smoothing), {}, {}};
                       if (soft) {
                         const std::vector<float> weight(op.weight.begin(), op.weight.end());
                         targets.second = Tensor::from(Device::cpu, op.second, {3});
                         targets.weight = Tensor::from(Device::cpu, weight, {3});
                       }
                       const Tensor labels = Tensor::from(Device::cpu, op.labels, {3});
                       return std::vector<Var>{cross_entropy(in[0], labels, targets).mean};
                     }});
  }
  return cases;
}

const RegisterCases cross_entropy_table{"cross_entropy", cross_entropy_cases, cross_entropy_gradients};

}  // namespace
}  // namespace skein
