#include "cases/op_case.h"

#include <fmt/format.h>

#include <map>

#include "base/bf16.h"
#include "base/random.h"

namespace skein {
namespace {

constexpr uint64_t kSeed = 20;

double draw(uint32_t item, int64_t i) {
  const RandomWords w = random_words(kSeed, Purpose::test, 0, item, uint32_t(i));
  return normal(w[0], w[1]);
}

struct Table {
  void (*rows)(OpCases&);
  std::vector<GradientCase> (*gradients)();
};

// By name: the order in which files register is the linker's.
std::map<std::string, Table>& tables() {
  static auto* all = new std::map<std::string, Table>;
  return *all;
}

}  // namespace

std::vector<KernelCall> BoundCase::calls() const {
  std::vector<KernelCall> all;
  const KernelObserver observer = [&](const KernelCall& call, const auto&) { all.push_back(call); };
  kernels({queue.device, queue.stream, &observer});
  return all;
}

Cost BoundCase::cost() const {
  Cost sum;
  for (const KernelCall& call : calls()) sum += call.cost;
  return sum;
}

RegisterCases::RegisterCases(const char* table, void (*rows)(OpCases&), std::vector<GradientCase> (*gradients)()) {
  tables()[table] = {rows, gradients};
}

std::vector<OpCase> op_cases(Device device) {
  OpCases all;
  for (const auto& [name, table] : tables()) table.rows(all);
  if (device == Device::cpu) std::erase_if(all.rows, [](const OpCase& c) { return c.cuda_only; });
  return all.rows;
}

std::vector<GradientCase> gradient_cases() {
  std::vector<GradientCase> all;
  for (const auto& [name, table] : tables())
    if (table.gradients)
      for (GradientCase& c : table.gradients()) all.push_back(std::move(c));
  return all;
}

Tensor random_tensor(Queue q, Shape shape, uint32_t item, float mean, float scale, DType type) {
  std::vector<float> values(static_cast<size_t>(shape.numel()));
#pragma omp parallel for if (values.size() > 100'000)
  for (size_t i = 0; i < values.size(); ++i) values[i] = mean + scale * float(draw(item, int64_t(i)));
  if (type == DType::f32) return Tensor::from(q.device, values, shape);
  std::vector<Bf16> rounded;
  for (const float v : values) rounded.push_back(to_bf16(v));
  const Tensor out = Tensor::empty(q.device, DType::bf16, shape);
  q.run(kernel::copy_from_host, rounded.data(), out);
  return out;
}

Tensor random_labels(Queue q, int64_t n, int64_t classes, uint32_t item) {
  std::vector<int32_t> labels(static_cast<size_t>(n));
  for (size_t i = 0; i < labels.size(); ++i)
    labels[i] = int32_t(bounded(random_words(kSeed, Purpose::test, 0, item, uint32_t(i))[0], uint32_t(classes)));
  return Tensor::from(q.device, labels, {n});
}

Numbers random_numbers(int64_t n, uint32_t item) {
  Numbers out(static_cast<size_t>(n));
  for (size_t i = 0; i < out.size(); ++i) out[i] = draw(item, int64_t(i));
  return out;
}

Numbers to_numbers(const Tensor& x) {
  const Queue queue{x.device()};
  if (x.dtype() == DType::i32) {
    std::vector<int32_t> values(static_cast<size_t>(x.numel()));
    queue.run(kernel::copy_to_host, x, values.data());
    return {values.begin(), values.end()};
  }
  if (x.dtype() == DType::bf16) {
    std::vector<Bf16> values(static_cast<size_t>(x.numel()));
    queue.run(kernel::copy_to_host, x, values.data());
    Numbers out;
    for (const Bf16 v : values) out.push_back(double(to_f32(v)));
    return out;
  }
  const std::vector<float> values = x.to_vector();
  return {values.begin(), values.end()};
}

RunningStatistics zero_statistics(Tape& t, int64_t channels) {
  const RunningStatistics state{t.output(DType::f32, {channels}), t.output(DType::f32, {channels})};
  for (const Var& v : {state.mean, state.var}) t.run(kernel::zero, v->value);
  return state;
}

Output expect(std::string name, Tensor actual, double tolerance, std::function<Numbers()> expected) {
  return {std::move(name), std::move(actual), std::move(expected), tolerance};
}

Output expect_shadow(Tensor shadow, Tensor value) {
  return expect("shadow", std::move(shadow), 0, [value = std::move(value)] {
    Numbers rounded = to_numbers(value);
    for (double& v : rounded) v = double(to_f32(to_bf16(float(v))));
    return rounded;
  });
}

std::string name_of(const Shape& s) { return fmt::format("{}x{}x{}x{}", s[0], s[1], s[2], s[3]); }

}  // namespace skein
