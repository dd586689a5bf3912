// The measured peak of the CPU beside oneDNN's matrix product. Below it the peak would be no bound, and far above it
// the compiler has left work of the measurement out.
#include "kernels/device/peak.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>

#include "base/simd.h"
#include "base/stopwatch.h"
#include "engine/tensor.h"
#include "kernels/conv.h"
#include "kernels/device/queue.h"
#include "kernels/linear.h"

namespace skein::testing {
namespace {

TEST(Peak, IsCloseToAMatrixProduct) {
#if SKEIN_CLANG_HAS(address_sanitizer)
  GTEST_SKIP() << "times are of an optimised build";
#endif
  const Queue queue;
  const Tensor x = Tensor::zeros(Device::cpu, DType::f32, {1024, 1024}),
               b = Tensor::zeros(Device::cpu, DType::f32, {1024});
  const Tensor y = Tensor::empty(Device::cpu, DType::f32, {1024, 1024});
  // In turns and on one thread, as other programs take cores for seconds at a time.
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  double product = 0, peak = 0;  // GFLOP/s, the best of the turns
  for (int turn = 0; turn < 3; ++turn) {
    peak = std::max(peak, cpu::measure_fma_gflops());
    for (int i = 0; i < 8; ++i) {
      const auto start = Clock::now();
      queue.run(kernel::linear_forward, x, x, b, y);
      product = std::max(product, kernel::linear_forward.cost(x, x, b, y).flops / seconds_since(start) * 1e-9);
    }
  }
  omp_set_num_threads(threads);
  EXPECT_GT(product, 0.5 * peak) << "GFLOP/s";
  EXPECT_LT(product, 1.2 * peak) << "GFLOP/s";
}

// AVX512_BF16 multiplies twice as many numbers as an instruction of f32; without it the rates are one.
TEST(Peak, OfBf16IsNoMoreThanItsInstructionsAllow) {
#if SKEIN_CLANG_HAS(address_sanitizer)
  GTEST_SKIP() << "times are of an optimised build";
#endif
  const std::vector<std::string> all = cpu::conv_implementations(DType::bf16);
  if (std::count(all.begin(), all.end(), "amx") > 0) GTEST_SKIP() << "AMX has other bounds";
  double f32 = 0, bf16 = 0;
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  for (int turn = 0; turn < 3; ++turn) {
    f32 = std::max(f32, cpu::measure_fma_gflops());
    bf16 = std::max(bf16, cpu::measure_bf16_gflops());
  }
  omp_set_num_threads(threads);
  EXPECT_LT(bf16, 2.4 * f32) << "GFLOP/s";
}

}  // namespace
}  // namespace skein::testing
