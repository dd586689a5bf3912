#include "kernels/cross_entropy.h"

#include <fmt/format.h>

#include <cmath>

#include "cases/cases.h"
#include "kernels/reference/cross_entropy.h"

namespace skein {
namespace {

struct CrossEntropyRow {
  int64_t rows, classes;
  float scale = 1.0f;
  bool ties = false;  // logits are whole numbers
  bool timed = false;
};
const std::vector<CrossEntropyRow> kCrossEntropyRows = {{1, 1},
                                                        {5, 3},
                                                        {33, 10, 30.0f},
                                                        {301, 10, 2.0f, true},
                                                        {6, 333, 1.0f, true},
                                                        {3, 1000},
                                                        {128, 10, 2.0f, false, true},
                                                        {128, 1000, 2.0f, false, true}};

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
  const Tensor loss = Tensor::empty(q.device, DType::f32, {1}), correct = Tensor::empty(q.device, DType::i32, {2});
  const Tensor dlogits = Tensor::empty(q.device, DType::f32, {r.rows, r.classes});
  auto reference = [=] {
    std::vector<int32_t> host(size_t(r.rows));
    q.run(cpu::copy_to_host, cuda::copy_to_host, labels, host.data());
    return reference::CrossEntropy{size_t(r.classes), host};
  };
  return {[=] { q.run(cpu::cross_entropy, cuda::cross_entropy, logits, labels, loss, correct, dlogits); },
          {expect("loss", loss, [=] { return Numbers{reference().loss(to_numbers(logits))}; }),
           expect(
               "correct", correct,
               [=] {
                 const Numbers l = to_numbers(logits);
                 return Numbers{reference().correct(l, 1), reference().correct(l, 5)};
               },
               0),
           expect("dlogits", dlogits, [=] { return reference().gradient(to_numbers(logits)); })}};
}

}  // namespace

std::vector<OpCase> cross_entropy_cases() {
  std::vector<OpCase> cases;
  for (const CrossEntropyRow& r : kCrossEntropyRows)
    cases.push_back({fmt::format("cross_entropy/{}x{}{}", r.rows, r.classes, r.ties ? "+ties" : ""), r.timed, 0,
                     8.0 * double(r.rows * r.classes), [r](Queue q) { return bind_cross_entropy(q, r); }});
  return cases;
}

std::vector<GradientCase> cross_entropy_gradients() {
  const reference::CrossEntropy op{4, {0, 3, 1}};
  return {{"cross_entropy",
           {random_numbers(12, 1)},
           [op](const auto& in) { return Numbers{op.loss(in[0])}; },
           [op](const auto& in, const Numbers& dy) {
             Numbers d = op.gradient(in[0]);
             for (double& x : d) x *= dy[0];
             return std::vector<Numbers>{d};
           }}};
}

}  // namespace skein
