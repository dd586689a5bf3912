// bf16 on the CPU beyond the case tables: numbers that are not finite, denormals, mixed types, and oneDNN without bf16.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "cases/op_case.h"
#include "engine/ops.h"
#include "kernels/batch_norm.h"
#include "kernels/cast.h"
#include "kernels/conv.h"
#include "kernels/reference/conv.h"
#include "kernels/vector.h"
#include "tests/support/expect_close.h"

namespace skein::testing {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();
const Queue kQueue;

Tensor bf16(const std::vector<float>& values, Shape shape) {
  const Tensor out = Tensor::empty(Device::cpu, DType::bf16, shape);
  kQueue.run(kernel::cast, Tensor::from(Device::cpu, values, shape), out);
  return out;
}
Tensor empty(Shape shape) { return Tensor::empty(Device::cpu, DType::bf16, shape); }
Tensor zeros(Shape shape) { return Tensor::zeros(Device::cpu, DType::f32, shape); }

TEST(CpuBf16, NaNInfinityAndDenormalsPassElementWiseKernels) {
  const float denormal = 0x1p-130f;
  const Tensor x = bf16({kNaN, -1, kInfinity, -kInfinity, denormal, 3.5f}, {6}), y = empty({6});
  kQueue.run(kernel::relu_forward, x, y);
  const Numbers relu = to_numbers(y);
  EXPECT_TRUE(std::isnan(relu[0]));
  EXPECT_EQ(Numbers(relu.begin() + 1, relu.end()), (Numbers{0, double(kInfinity), 0, double(denormal), 3.5}));
  kQueue.run(kernel::add, x, x, y);
  const Numbers sum = to_numbers(y);
  EXPECT_TRUE(std::isnan(sum[0]));
  EXPECT_EQ(Numbers(sum.begin() + 1, sum.end()),
            (Numbers{-2, double(kInfinity), -double(kInfinity), 2 * double(denormal), 7}));
}

// 1 + 2^-8 lies between two bf16 numbers and goes to the even one; the largest f32 goes to infinity.
TEST(CpuBf16, ResultsAreRoundedToNearestEvenOnce) {
  const Tensor x = bf16({1, 1 + 0x1p-7f, 0x1.fep127f}, {3}), y = bf16({0x1p-8f, 0x1p-8f, 0x1.fep127f}, {3});
  kQueue.run(kernel::add, x, y, y);
  EXPECT_EQ(to_numbers(y), (Numbers{1, 1 + 0x1p-6, double(kInfinity)}));
}

TEST(CpuBf16, BatchNormKeepsANaNToItsChannel) {
  const Tensor x = bf16({1, 2, kNaN, 4, 5, 6}, {1, 3, 1, 2}), y = empty({1, 3, 1, 2});
  const Tensor one = Tensor::from(Device::cpu, std::vector<float>{1, 1}, {2}), zero = zeros({2}), mean = zeros({2}),
               rstd = zeros({2});
  kQueue.run(kernel::batch_norm_forward, x, one, zero, View{}, true, 1e-5f, BatchNormRunning{}, y,
             BatchNormStats{mean, rstd});
  const Numbers out = to_numbers(y);
  for (size_t i = 0; i < out.size(); ++i) EXPECT_EQ(std::isnan(out[i]), i % 2 == 0) << i;
}

// One pixel is not a number. Every output that it reaches is NaN; a direct convolution leaves all others as they are.
TEST(CpuBf16, ConvolutionsSpreadANaNToItsNeighboursAlone) {
  const Shape shape{1, 9, 9, 3};
  std::vector<float> values(size_t(shape.numel()), 0.5f);
  values[size_t((4 * 9 + 4) * 3 + 1)] = kNaN;
  const Tensor x = bf16(values, shape), w = random_tensor(kQueue, {16, 3, 3, 3}, 1, 0, 1, DType::bf16);
  const Tensor y = empty({1, 9, 9, 16});
  for (const std::string& name : cpu::conv_implementations(DType::bf16)) {
    SCOPED_TRACE(name);
    cpu::force_conv_implementation(name);
    kQueue.run(kernel::conv_forward, x, w, ConvGeometry{1, 1}, y);
    const Numbers out = to_numbers(y);
    for (int64_t i = 0; i < y.numel(); ++i) {
      const int64_t row = i / 16 / 9, column = i / 16 % 9;
      EXPECT_EQ(std::isnan(out[size_t(i)]), std::abs(row - 4) <= 1 && std::abs(column - 4) <= 1)
          << row << " " << column;
    }
  }
  cpu::force_conv_implementation("auto");
}

TEST(CpuBf16, MixedTypesAreRefused) {
  const Tensor x = empty({1, 4, 4, 16}), y = zeros({1, 4, 4, 16}), w = zeros({16, 3, 3, 16}), c = zeros({16});
  EXPECT_THROW(kQueue.run(kernel::add, x, y, y), std::logic_error);
  EXPECT_THROW(kQueue.run(kernel::relu_forward, x, y), std::logic_error);
  EXPECT_THROW(kQueue.run(kernel::conv_forward, x, w, ConvGeometry{1, 1}, x), std::logic_error);
  EXPECT_THROW(kQueue.run(kernel::batch_norm_inference, x, c, c, View{}, true, 1e-5f, BatchNormRunning{c, c}, y),
               std::logic_error);
  EXPECT_THROW(kQueue.run(kernel::fill, 1.0f, Tensor::empty(Device::cpu, DType::i32, {8})), std::logic_error);
}

// A layer is measured and kept for each type.
TEST(CpuBf16, ChoicesAreMadeForEachType) {
  const Tensor x = random_tensor(kQueue, {1, 6, 7, 16}, 1, 0, 1, DType::bf16),
               w = random_tensor(kQueue, {16, 3, 3, 16}, 2, 0, 1, DType::bf16), y = empty({1, 6, 7, 16});
  kQueue.run(kernel::conv_forward, x, w, ConvGeometry{1, 1}, y);
  int bf16 = 0, f32 = 0;
  for (const ConvChoice& c : cpu::conv_choices())
    bf16 += c.layer == "forward bf16 6x7 16->16 k3 s1 p1", f32 += c.layer == "forward 6x7 16->16 k3 s1 p1";
  EXPECT_EQ(bf16, 1);
  EXPECT_EQ(f32, 0);
}

// tests/CMakeLists.txt runs this test once more with ONEDNN_MAX_CPU_ISA=AVX2, where oneDNN has no bf16. 17 images are
// widened in two parts.
TEST(CpuBf16, OneDnnComputesEveryPassOfSeveralParts) {
  const reference::Conv conv{{17, 5, 6, 5}, {7, 3, 3, 5}, {2, 1}};
  const Tensor x = random_tensor(kQueue, conv.x, 1, 0, 1, DType::bf16),
               w = random_tensor(kQueue, conv.w, 2, 0, 1, DType::bf16),
               dy = random_tensor(kQueue, conv.y(), 3, 0, 1, DType::bf16), y = empty(conv.y()), dx = empty(conv.x),
               dw = zeros(conv.w);
  cpu::force_conv_implementation("onednn");
  kQueue.run(kernel::conv_forward, x, w, conv.g, y);
  kQueue.run(kernel::conv_backward_data, dy, w, conv.g, dx);
  kQueue.run(kernel::conv_backward_weights, x, dy, conv.g, dw);
  cpu::force_conv_implementation("auto");
  const double tolerance = tolerance_of(DType::bf16);
  expect_close(expect("y", y, tolerance, [&] { return conv.forward(to_numbers(x), to_numbers(w)); }));
  expect_close(expect("dx", dx, tolerance, [&] { return conv.backward_data(to_numbers(dy), to_numbers(w)); }));
  expect_close(expect("dw", dw, tolerance, [&] { return conv.backward_weights(to_numbers(x), to_numbers(dy)); }));
}

}  // namespace
}  // namespace skein::testing
