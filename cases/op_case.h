// The case tables: one row per op, shape and option, one file per op. A row is a test (kernel against the reference in
// double) and a benchmark (its time against the cost of its kernels), so the two cannot drift apart. A gradient case
// checks a reference's gradient against finite differences, and the op of engine/ops.h on a tape against both.
//
// A file registers its rows itself: a new cases/op.cpp needs a line in CMakeLists.txt and no other.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/ops.h"

namespace skein {

using Numbers = std::vector<double>;

struct Output {
  std::string name;
  Tensor actual;
  std::function<Numbers()> expected;  // computed on request: benchmarks never ask
  double tolerance;                   // largest |actual - expected| over largest |expected|
};

// A row with tensors of a device.
struct BoundCase {
  Queue queue;
  std::function<void(Queue)> kernels;  // runs the kernels under test
  std::vector<Output> outputs;

  void run() const { kernels(queue); }
  std::vector<KernelCall> calls() const;  // the kernels that run() would run, without running them
  Cost cost() const;                      // of all of them
};

struct OpCase {
  std::string name;    // op/shape/options
  bool timed = false;  // a network's shape, for the benchmark; the others are small and odd
  std::function<BoundCase(Queue)> bind;
  bool cuda_only = false;   // a kernel that only CUDA needs
  bool by_library = false;  // on CUDA the kernels are cuDNN's or cuBLAS's
  bool same_bits = false;   // the same operations in the same order on both devices: the results are equal
};

// The rows of a file.
struct OpCases {
  std::vector<OpCase> rows;
  // Adds a row whose operands are made by bind(queue, arguments...). With bf16 among the arguments its name ends in
  // /bf16. What else holds of the row is set in the result: cases.add(...).same_bits = true.
  template <class... P, class... A>
  OpCase& add(const std::string& name, bool timed, BoundCase (*bind)(Queue, P...), const A&... arguments) {
    const auto is_bf16 = [](const auto& argument) {
      if constexpr (std::is_same_v<decltype(argument), const DType&>) return argument == DType::bf16;
      return false;
    };
    const bool bf16 = (... || is_bf16(arguments));
    return rows.emplace_back(
        OpCase{bf16 ? name + "/bf16" : name, timed, [=](Queue q) { return bind(q, arguments...); }});
  }
};

// f(inputs) with its gradient: backward(inputs, dy)[i] = sum_j dy[j] * d f[j] / d inputs[i].
struct GradientCase {
  std::string name;  // "batch_norm+relu": an op of engine/ops.h, then options
  std::vector<Shape> inputs;
  std::function<Numbers(const std::vector<Numbers>&)> forward;
  std::function<std::vector<Numbers>(const std::vector<Numbers>&, const Numbers& dy)> backward;
  // f on a tape, in f32. Several results stand in forward's result one after another.
  std::function<std::vector<Var>(Tape&, const std::vector<Var>&)> on_tape;
};

// Makes the rows of a file part of op_cases() and gradient_cases(): a constant at namespace scope.
struct RegisterCases {
  RegisterCases(const char* table, void (*rows)(OpCases&), std::vector<GradientCase> (*gradients)() = nullptr);
};

std::vector<OpCase> op_cases(Device = Device::cpu);  // those that the device can run
std::vector<GradientCase> gradient_cases();

// Reproducible inputs and the way between tensors and references.
Tensor random_tensor(Queue, Shape, uint32_t item, float mean = 0.0f, float scale = 1.0f, DType = DType::f32);
Tensor random_labels(Queue, int64_t n, int64_t classes, uint32_t item);
Numbers random_numbers(int64_t n, uint32_t item);
Numbers to_numbers(const Tensor& x);  // f32, bf16 or i32
RunningStatistics zero_statistics(Tape&, int64_t channels);
constexpr double kTolerance = 1e-5;
Output expect(std::string name, Tensor actual, double tolerance, std::function<Numbers()> expected);
inline Output expect(std::string name, Tensor actual, std::function<Numbers()> expected) {
  return expect(std::move(name), std::move(actual), kTolerance, std::move(expected));
}
Output expect_shadow(Tensor shadow, Tensor value);  // the values rounded to bf16
// Tolerance of a result of this type: arithmetic is in f32, and bf16 adds one rounding to 8 significant bits.
constexpr double tolerance_of(DType t) { return t == DType::bf16 ? 0x1p-8 + kTolerance : kTolerance; }
std::string name_of(const Shape&);  // 128x32x32x16

}  // namespace skein
