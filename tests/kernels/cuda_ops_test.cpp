// Inputs that the case tables lack: NaNs, values that a kernel cannot refuse, unaligned pointers, empty tensors.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "cases/op_case.h"
#include "kernels/all_sum.h"
#include "kernels/augment.h"
#include "kernels/batch_norm.h"
#include "kernels/cast.h"
#include "kernels/cross_entropy.h"
#include "kernels/sgd_step.h"
#include "kernels/vector.h"
#include "tests/support/need_gpu.h"

namespace skein::testing {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();

class CudaOpsEdge : public ::testing::Test {
 protected:
  void SetUp() override {
    SKIP_IF(gpu_absent());
    q_ = {Device::cuda, cuda::create_stream()};
  }
  void TearDown() override { cuda::destroy_stream(q_.stream); }
  Tensor floats(const std::vector<float>& values, Shape s) const { return Tensor::from(Device::cuda, values, s); }
  Tensor empty(DType t, Shape s) const { return Tensor::empty(Device::cuda, t, s); }

  Queue q_;
};

TEST_F(CudaOpsEdge, CastHasTheBitsOfTheCpu) {
  std::vector<uint32_t> bits = {0x7f800001, 0x7fc00000, 0xffffffff, 0x7f800000, 0xff800000, 0x7f7fffff, 0xff7fffff,
                                0x00000001, 0x00008000, 0x00008001, 0x00018000, 0x80008000, 0x3f808000, 0x3f818000,
                                0x3f808001, 0x3f7fffff, 0x00000000, 0x80000000, 0x007fffff};
  std::vector<float> values;
  for (const uint32_t b : bits) values.push_back(std::bit_cast<float>(b));
  const int64_t n = int64_t(values.size());
  const auto rounded = [&](Queue q) {
    const Tensor from = Tensor::from(q.device, values, {n}), to = Tensor::empty(q.device, DType::bf16, {n});
    q.run(kernel::cast, from, to);
    std::vector<uint16_t> out(values.size());
    q.run(kernel::copy_to_host, to, out.data());
    return out;
  };
  EXPECT_EQ(rounded(q_), rounded(Queue{}));
}

TEST_F(CudaOpsEdge, ReluLetsANaNPass) {
  const Tensor x = floats({kNaN, -1, 2, -kInfinity, kInfinity}, {5}), y = empty(DType::f32, {5});
  q_.run(kernel::relu_forward, x, y);
  const std::vector<float> out = y.to_vector();
  EXPECT_TRUE(std::isnan(out[0]));
  EXPECT_EQ(std::vector<float>(out.begin() + 1, out.end()), (std::vector<float>{0, 2, 0, kInfinity}));
}

TEST_F(CudaOpsEdge, BatchNormLetsANaNPassAndKeepsItToItsChannel) {
  Tensor x = floats({1, 2, kNaN, 4, 5, 6}, {1, 3, 1, 2}), y = empty(DType::f32, {1, 3, 1, 2});
  const Tensor gamma = floats({1, 1}, {2}), beta = floats({0, 0}, {2}), mean = empty(DType::f32, {2}),
               rstd = empty(DType::f32, {2}), running_mean = floats({0, 0}, {2}), running_var = floats({1, 1}, {2});
  q_.run(kernel::batch_norm_forward, x, gamma, beta, View{}, true, 1e-5f, BatchNormRunning{running_mean, running_var},
         y, BatchNormStats{mean, rstd});
  const std::vector<float> out = y.to_vector();
  for (size_t i = 0; i < out.size(); ++i) EXPECT_EQ(std::isnan(out[i]), i % 2 == 0) << i;
  EXPECT_TRUE(std::isnan(running_mean.to_vector()[0]));
  EXPECT_EQ(running_mean.to_vector()[1], 0.4f);
}

TEST_F(CudaOpsEdge, BatchNormLosesNoDigitsToALargeCommonMean) {
  const int64_t rows = 3000, channels = 4;
  const Tensor x = random_tensor(q_, {rows, channels}, 1, 1000.0f, 0.5f), y = empty(DType::f32, {rows, channels});
  const Tensor gamma = floats({1, 1, 1, 1}, {4}), beta = floats({0, 0, 0, 0}, {4}), mean = empty(DType::f32, {4}),
               rstd = empty(DType::f32, {4}), running_mean = floats({0, 0, 0, 0}, {4}),
               running_var = floats({1, 1, 1, 1}, {4});
  q_.run(kernel::batch_norm_forward, x, gamma, beta, View{}, false, 0.0f, BatchNormRunning{running_mean, running_var},
         y, BatchNormStats{mean, rstd});
  const Numbers in = to_numbers(x), out = to_numbers(rstd);
  for (size_t c = 0; c < size_t(channels); ++c) {
    double m = 0, var = 0;
    for (size_t i = c; i < in.size(); i += size_t(channels)) m += in[i] / double(rows);
    for (size_t i = c; i < in.size(); i += size_t(channels)) var += (in[i] - m) * (in[i] - m) / double(rows);
    EXPECT_NEAR(out[c] * std::sqrt(var), 1.0, 1e-5) << "channel " << c;
  }
}

TEST_F(CudaOpsEdge, CrossEntropyCountsARowWithANaNAsWrongAndMakesTheLossNaN) {
  const Tensor logits = floats({kNaN, 1, 9, 9, 1, 2}, {2, 3}),
               labels = Tensor::from(Device::cuda, std::vector<int32_t>{2, 0}, {2});
  const Tensor loss = empty(DType::f32, {1}), correct = empty(DType::i32, {2}), dlogits = empty(DType::f32, {2, 3});
  q_.run(kernel::cross_entropy, logits, labels, View{}, View{}, 0.0f, loss, correct, dlogits);
  EXPECT_TRUE(std::isnan(to_numbers(loss)[0]));
  EXPECT_EQ(to_numbers(correct), (Numbers{1, 1}));
  for (const float d : std::vector<float>(dlogits.to_vector())) EXPECT_TRUE(std::isnan(d) || std::abs(d) < 1);
}

TEST_F(CudaOpsEdge, CrossEntropyMakesALabelOutOfRangeANaN) {
  for (const int32_t label : {-1, 3}) {
    const Tensor logits = floats({1, 2, 3}, {1, 3}),
                 labels = Tensor::from(Device::cuda, std::vector<int32_t>{label}, {1});
    const Tensor loss = empty(DType::f32, {1}), correct = empty(DType::i32, {2});
    q_.run(kernel::cross_entropy, logits, labels, View{}, View{}, 0.0f, loss, correct, View{});
    EXPECT_TRUE(std::isnan(to_numbers(loss)[0])) << label;
    EXPECT_EQ(to_numbers(correct), (Numbers{0, 0})) << label;
  }
}

TEST_F(CudaOpsEdge, AugmentMakesAnUnknownSampleANaN) {
  const Tensor images = Tensor::zeros(Device::cuda, DType::u8, {2, 4, 4, 3}), out = empty(DType::f32, {3, 4, 4, 3});
  const Tensor samples = Tensor::from(Device::cuda, std::vector<int32_t>{2, 1, -1}, {3});
  for (const bool training : {false, true}) {
    q_.run(kernel::augment, images, samples, Augmentation{training}, 1, 0, out);
    const std::vector<float> numbers = out.to_vector();
    for (size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(std::isnan(numbers[i]), i / 48 != 1) << i;
  }
}

TEST_F(CudaOpsEdge, SumsViewsThatAreAlignedToNothing) {
  const int64_t n = 1000;
  std::vector<Tensor> all;
  std::vector<View> views;
  Numbers expected(size_t(n), 0.0);
  for (int64_t k = 0; k < 3; ++k) {
    all.push_back(random_tensor(q_, {n + 3}, uint32_t(k)).slice(k, {n}));
    views.push_back(all.back());
    const Numbers x = to_numbers(all.back());
    for (size_t i = 0; i < x.size(); ++i) expected[i] = double(float(expected[i]) + float(x[i]));
  }
  q_.run(kernel::sum_to_all, views, 0, n, 1.0f);
  for (const Tensor& t : all) EXPECT_EQ(to_numbers(t), expected);
}

TEST_F(CudaOpsEdge, StepsPartOfTheFlatVectorAndNothingElse) {
  const int64_t n = 61, first = 7;
  const Tensor flat = floats(std::vector<float>(100, 1.0f), {100}), grad = floats(std::vector<float>(100, 0.5f), {100}),
               velocity = floats(std::vector<float>(100, 0.0f), {100}), rate = floats({1.0f}, {1}),
               shadow = Tensor::zeros(Device::cuda, DType::bf16, {100});
  const auto part = [&](const Tensor& t) { return t.slice(first, {n}); };
  q_.run(kernel::sgd_step, part(flat), part(grad), part(velocity), part(shadow), rate.view().as<float>(),
         SgdHyper{0.0f, 0.0f, false}, 0);
  const Numbers value = to_numbers(flat), rounded = to_numbers(shadow);
  for (size_t i = 0; i < value.size(); ++i) {
    const bool stepped = i >= size_t(first) && i < size_t(first + n);
    EXPECT_EQ(value[i], stepped ? 0.5 : 1.0) << i;
    EXPECT_EQ(rounded[i], stepped ? 0.5 : 0.0) << i;
  }
}

TEST_F(CudaOpsEdge, NothingIsNoWork) {
  const Tensor none = empty(DType::f32, {0});
  EXPECT_NO_THROW(q_.run(kernel::axpy, 1.0f, none, none));
  EXPECT_NO_THROW(q_.run(kernel::sum_to_all, std::vector<View>{none}, 0, 0, 1.0f));
  EXPECT_NO_THROW(cuda::synchronize(q_.stream));
}

TEST_F(CudaOpsEdge, RefusesMixedTypes) {
  const Tensor x = empty(DType::f32, {8}), y = empty(DType::bf16, {8});
  EXPECT_THROW(q_.run(kernel::axpy, 1.0f, x, y), std::logic_error);
  EXPECT_THROW(q_.run(kernel::fill, 1.0f, empty(DType::i32, {8})), std::logic_error);
}

#ifdef SKEIN_NO_CUDA
TEST(Queue, SaysThatTheBackEndIsAbsent) {
  try {
    Queue{Device::cuda}.run(kernel::synchronize);
    FAIL() << "run() returned";
  } catch (const BadInput& e) {
    EXPECT_NE(std::string(e.what()).find("--device cpu"), std::string::npos) << e.what();
  }
}
#endif

}  // namespace
}  // namespace skein::testing
