#include "kernels/cross_entropy.h"

#include <fmt/format.h>

#include "cases/cases.h"
#include "cases/reference/cross_entropy.h"

namespace skein {
namespace {

struct Row {
  int64_t rows, classes;
  float scale = 1.0f;
  bool timed = false;
};
const std::vector<Row> kRows = {{1, 1}, {5, 3}, {33, 10, 30.0f}, {128, 10, 2.0f, true}, {128, 1000, 2.0f, true}};

BoundCase bind(Queue q, const Row& r) {
  const Tensor logits = random_tensor(q, {r.rows, r.classes}, 1, 0.0f, r.scale);
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
           expect("dlogits", dlogits, [=] { return reference().gradient(to_numbers(logits)); })}};
}

}  // namespace

std::vector<OpCase> cross_entropy_cases() {
  std::vector<OpCase> cases;
  for (const Row& r : kRows)
    cases.push_back({fmt::format("cross_entropy/{}x{}", r.rows, r.classes), r.timed, 0,
                     8.0 * double(r.rows * r.classes), [r](Queue q) { return bind(q, r); }});
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
