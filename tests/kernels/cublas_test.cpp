// Fully connected layers on a GPU, or on the emulated one with tests/standin/cublas.cpp.
#include <gtest/gtest.h>

#include <ostream>

#include "kernels/linear.h"
#include "tests/support/expect_close.h"
#include "tests/support/need_gpu.h"

namespace skein::testing {

void PrintTo(const OpCase& c, std::ostream* out);

namespace {

class CublasCase : public ::testing::TestWithParam<OpCase> {
 protected:
  void SetUp() override {
    SKIP_IF(gpu_absent());
    stream_ = cuda::create_stream();
  }
  void TearDown() override { cuda::destroy_stream(stream_); }
  Stream stream_ = nullptr;
};

TEST_P(CublasCase, MatchesReference) {
  const BoundCase bound = GetParam().bind({Device::cuda, stream_});
  bound.run();
  cuda::synchronize(stream_);
  for (const Output& out : bound.outputs) expect_close(out);
}

TEST_P(CublasCase, AllocatesNothingAfterTheFirstCall) {
  const BoundCase bound = GetParam().bind({Device::cuda, stream_});
  bound.run();
  const int64_t before = cuda::allocations(), waits = cuda::synchronizations();
  bound.run();
  EXPECT_EQ(cuda::allocations(), before);
  EXPECT_EQ(cuda::synchronizations(), waits);
  cuda::synchronize(stream_);
}

std::vector<OpCase> linear_cases() {
  std::vector<OpCase> cases = op_cases(Device::cuda);
  std::erase_if(cases, [](const OpCase& c) { return !c.name.starts_with("linear"); });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Ops, CublasCase, ::testing::ValuesIn(linear_cases()),
                         [](const auto& info) { return test_name(info.param.name); });

TEST(Cublas, ChecksShapes) {
  SKIP_IF(gpu_absent());
  const View x{nullptr, DType::f32, {1, 1, 4, 8}}, w{nullptr, DType::f32, {1, 1, 3, 7}},
      y{nullptr, DType::f32, {1, 1, 4, 3}};
  EXPECT_THROW(Queue{Device::cuda}.run(kernel::linear_forward, x, w, View{}, y), std::logic_error);
}

}  // namespace
}  // namespace skein::testing
