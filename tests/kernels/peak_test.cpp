// The measured peak of the CPU beside oneDNN's matrix product. Below it the peak would be no bound, and far above it
// the compiler has left work of the measurement out.
#include "kernels/device/peak.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/stopwatch.h"
#include "engine/tensor.h"
#include "kernels/device/queue.h"
#include "kernels/linear.h"

namespace skein::testing {
namespace {

TEST(Peak, IsCloseToAMatrixProduct) {
#ifndef NDEBUG
  GTEST_SKIP() << "times are of an optimised build";
#endif
  const Queue queue;
  const Tensor x = Tensor::zeros(Device::cpu, DType::f32, {1024, 1024}),
               b = Tensor::zeros(Device::cpu, DType::f32, {1024});
  const Tensor y = Tensor::empty(Device::cpu, DType::f32, {1024, 1024});
  double fastest = 1e30;
  for (int i = 0; i < 8; ++i) {
    const auto start = Clock::now();
    queue.run(kernel::linear_forward, x, x, b, y);
    fastest = std::min(fastest, seconds_since(start));
  }
  const double product = kernel::linear_forward.cost(x, x, b, y).flops / fastest * 1e-9;
  const double peak = cpu::measure_fma_gflops();
  EXPECT_GT(product, 0.5 * peak) << "GFLOP/s";
  EXPECT_LT(product, 1.2 * peak) << "GFLOP/s";
}

}  // namespace
}  // namespace skein::testing
