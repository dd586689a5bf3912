// The case table: one row per op, shape and option. The same row is a test (kernel against the double-precision
// reference) and a benchmark (time against the bytes that must move or the flops that must be done), so the two cannot
// drift apart. Gradient cases check the references themselves against finite differences.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace skein {

using Numbers = std::vector<double>;

struct Output {
  std::string name;
  Tensor actual;
  std::function<Numbers()> expected;  // computed when asked for: benchmarks never ask
  double tolerance = 1e-5;            // largest |actual - expected| over largest |expected|
};

struct BoundCase {
  std::function<void()> run;
  std::vector<Output> outputs;
};

struct OpCase {
  std::string name;    // op/shape/options
  bool timed = false;  // a network's shape, for the benchmark; the others are small and odd
  double flops = 0;    // per run; 0: bound by memory
  double bytes = 0;    // that must move per run
  std::function<BoundCase(Queue)> bind;
  bool cuda_only = false;  // has bf16 activations, or a kernel that only CUDA needs
  bool same_bits = false;  // the same operations in the same order on both devices: the results are equal
};

// f(inputs) with its gradient: backward(inputs, dy)[i] = sum_j dy[j] * d f[j] / d inputs[i].
struct GradientCase {
  std::string name;
  std::vector<Numbers> inputs;
  std::function<Numbers(const std::vector<Numbers>&)> forward;
  std::function<std::vector<Numbers>(const std::vector<Numbers>&, const Numbers& dy)> backward;
};

std::vector<OpCase> op_cases(Device = Device::cpu);  // those that the device can run
std::vector<GradientCase> gradient_cases();

// Reproducible inputs and the way between tensors and references.
Tensor random_tensor(Queue, Shape, uint32_t item, float mean = 0.0f, float scale = 1.0f, DType = DType::f32);
Tensor random_labels(Queue, int64_t n, int64_t classes, uint32_t item);
Numbers random_numbers(int64_t n, uint32_t item);
Numbers to_numbers(const Tensor& x);  // f32, bf16 or i32
Output expect(std::string name, Tensor actual, std::function<Numbers()> expected, double tolerance = 1e-5);
// Of a result in this type: arithmetic is in f32, and bf16 adds one rounding to 8 significant bits.
constexpr double tolerance_of(DType t) { return t == DType::bf16 ? 0x1p-8 + 1e-5 : 1e-5; }
std::string name_of(const Shape&);  // 128x32x32x16
inline const char* suffix_of(DType t) { return t == DType::bf16 ? "/bf16" : ""; }

}  // namespace skein
