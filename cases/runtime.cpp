#include "kernels/device/runtime.h"

#include <fmt/format.h>

#include "cases/op_case.h"

namespace skein {
namespace {

BoundCase bind_copy(Queue q, int64_t n) {
  const Tensor from = random_tensor(q, {n}, 1), to = Tensor::zeros(q.device, DType::f32, {n});
  return {q, [=](Queue q) { q.run(kernel::copy, from, to); }, {expect("to", to, 0, [=] { return to_numbers(from); })}};
}

BoundCase bind_zero(Queue q, int64_t n) {
  const Tensor to = random_tensor(q, {n}, 1);
  return {q, [=](Queue q) { q.run(kernel::zero, to); }, {expect("to", to, 0, [=] { return Numbers(size_t(n)); })}};
}

// To the host and back into another tensor.
BoundCase bind_copy_by_host(Queue q, int64_t n) {
  const Tensor from = random_tensor(q, {n}, 1), to = Tensor::zeros(q.device, DType::f32, {n});
  const auto host = std::make_shared<std::vector<float>>(size_t(n));
  auto run = [=](Queue q) {
    q.run(kernel::copy_to_host, from, host->data());
    q.run(kernel::copy_from_host, host->data(), to);
    q.run(kernel::synchronize);
  };
  return {q, run, {expect("to", to, 0, [=] { return to_numbers(from); })}};
}

void runtime_cases(OpCases& cases) {
  for (const int64_t n : {1, 4097}) {
    const auto add = [&](const char* name, BoundCase (*bind)(Queue, int64_t)) {
      cases.add(fmt::format("{}/{}", name, n), false, bind, n).same_bits = true;
    };
    add("copy", bind_copy);
    add("zero", bind_zero);
    add("copy_by_host", bind_copy_by_host);
  }
}

const RegisterCases runtime_table{"runtime", runtime_cases};

}  // namespace
}  // namespace skein
