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
};

// f(inputs) with its gradient: backward(inputs, dy)[i] = sum_j dy[j] * d f[j] / d inputs[i].
struct GradientCase {
  std::string name;
  std::vector<Numbers> inputs;
  std::function<Numbers(const std::vector<Numbers>&)> forward;
  std::function<std::vector<Numbers>(const std::vector<Numbers>&, const Numbers& dy)> backward;
};

std::vector<OpCase> op_cases();
std::vector<GradientCase> gradient_cases();

// Reproducible inputs and the way between tensors and references.
Tensor random_tensor(Queue, Shape, uint32_t item, float mean = 0.0f, float scale = 1.0f);
Tensor random_labels(Queue, int64_t n, int64_t classes, uint32_t item);
Numbers random_numbers(int64_t n, uint32_t item);
Numbers to_numbers(const Tensor& f32);
Output expect(std::string name, Tensor actual, std::function<Numbers()> expected, double tolerance = 1e-5);
std::string name_of(const Shape&);  // 128x32x32x16

}  // namespace skein
