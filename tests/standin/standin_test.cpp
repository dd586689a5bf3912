// Stand-ins, and the handling of failing library calls: every failure must become an error that names the call, and
// leave no handle or descriptor behind.
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "apps/plan/gpu_model.h"
#include "cases/op_case.h"
#include "kernels/conv.h"
#include "kernels/cuda/cudnn/conv_plans.h"
#include "kernels/emulator/emulator.h"
#include "kernels/linear.h"
#include "kernels/reference/conv.h"
#include "tests/standin/probe.h"
#include "tests/support/expect_close.h"
#include "tests/support/run_binary.h"

namespace skein::testing {
namespace {

class StandinTest : public ::testing::Test {
 protected:
  explicit StandinTest(const char* variable) : standin_(find_standin(variable)) {}
  void SetUp() override {
    if (!cuda::available() || !standin_) GTEST_SKIP() << "needs the emulated GPU and the stand-in";
    handles_ = standin_->handles();
    descriptors_ = standin_->descriptors();
  }
  void TearDown() override {
    if (standin_) standin_->fail_call(0);
    cuda::set_conv_options({});
  }
  void expect_nothing_left() const {
    EXPECT_EQ(standin_->handles(), handles_);
    EXPECT_EQ(standin_->descriptors(), descriptors_);
  }

  // Binds and runs a case on its own thread, whose handles and plans end with it. Returns the error, or "".
  std::string run_alone(const std::string& name, int64_t fail) const {
    std::string error;
    std::thread([&] {
      const Stream stream = cuda::create_stream();
      BoundCase bound;
      try {
        for (const OpCase& c : op_cases(Device::cuda))
          if (c.name == name) {
            bound = c.bind({Device::cuda, stream});
            standin_->fail_call(fail);
            bound.run();
            standin_->fail_call(0);
            cuda::synchronize(stream);
            for (const Output& out : bound.outputs) expect_close(out);
          }
      } catch (const std::exception& e) {
        error = e.what();
        EXPECT_FALSE(error.empty());
      }
      standin_->fail_call(0);
      cuda::destroy_stream(stream);  // waits for the work before the operands are destroyed
    }).join();
    return error;
  }

  int64_t calls_of(const std::string& name) const {
    const int64_t before = standin_->calls();
    EXPECT_EQ(run_alone(name, 0), "");
    return standin_->calls() - before;
  }

  const Standin* standin_;
  int64_t handles_ = 0, descriptors_ = 0;
};

class CudnnStandin : public StandinTest {
 protected:
  CudnnStandin() : StandinTest("SKEIN_CUDNN") {}
  void SetUp() override {
    StandinTest::SetUp();
    if (IsSkipped()) return;
    try {
      cuda::cudnn();
    } catch (const BadInput& e) {
      GTEST_SKIP() << e.what();
    }
  }
};

class CublasStandin : public StandinTest {
 protected:
  CublasStandin() : StandinTest("SKEIN_CUBLAS") {}
};

// Forces a new plan at the next convolution: the workspace limit is part of the plan's key.
void plan_anew() {
  static size_t megabytes = 1024;
  cuda::set_conv_options({.workspace = ++megabytes << 20});
}

TEST_F(CudnnStandin, EveryFailingCallOfAFirstConvolutionIsAnError) {
  for (const char* name : {"conv_forward/1x4x6x12->24 1x1/1", "conv_backward_weights/1x4x6x12->24 1x1/1/bf16"}) {
    plan_anew();
    const int64_t calls = calls_of(name);
    expect_nothing_left();
    ASSERT_GT(calls, 20);
    for (int64_t n = 1; n <= calls; ++n) {
      SCOPED_TRACE(fmt::format("{}, call {} of {}", name, n, calls));
      plan_anew();
      const std::string error = run_alone(name, n);
      ASSERT_TRUE(standin_->call_failed());
      EXPECT_NE(error.find("this call was to fail"), std::string::npos) << error;
      expect_nothing_left();
    }
  }
}

// A cached plan that cuDNN rejects is replaced by a new one; every other failure is an error.
TEST_F(CudnnStandin, EveryFailingCallOfALaterConvolutionIsAnErrorOrMadeGood) {
  const char* const name = "conv_forward/1x4x6x12->24 1x1/1";
  plan_anew();
  calls_of(name);
  const int64_t calls = calls_of(name);
  ASSERT_GT(calls, 5);
  ASSERT_LT(calls, 40) << "the plan was not taken from the cache";
  int errors = 0;
  for (int64_t n = 1; n <= calls; ++n) {
    SCOPED_TRACE(fmt::format("call {} of {}", n, calls));
    const std::string error = run_alone(name, n);
    EXPECT_TRUE(error.empty() || error.find("this call was to fail") != error.npos) << error;
    errors += !error.empty();
    expect_nothing_left();
  }
  EXPECT_GE(errors, calls - 2);
}

TEST_F(CudnnStandin, EveryFailingCallOfTheRuntimeIsAnError) {
  const char* const name = "conv_backward_weights/1x4x6x12->24 1x1/1/bf16";
  EXPECT_EQ(run_alone(name, 0), "");
  for (const char* function : {"cudaLaunchHostFunc", "cudaLaunchKernelExC", "cudaGetDevice", "cudaMalloc"}) {
    std::string error;
    std::thread([&] {
      const Stream stream = cuda::create_stream();
      const Queue q{Device::cuda, stream};
      const Tensor x = random_tensor(q, {1, 4, 6, 12}, 1, 0, 1, DType::bf16),
                   dy = random_tensor(q, {1, 4, 6, 24}, 2, 0, 1, DType::bf16);
      const Tensor dw = Tensor::empty(Device::cuda, DType::f32, {24, 1, 1, 12});
      cuda::emulator::fail_call(1, function);
      try {
        cuda::conv_backward_weights(stream, x, dy, {1, 0}, dw);
      } catch (const std::exception& e) {
        error = e.what();
      }
      EXPECT_TRUE(cuda::emulator::call_failed()) << function;
      cuda::destroy_stream(stream);
    }).join();
    EXPECT_NE(error, "") << function;
    expect_nothing_left();
  }
}

TEST_F(CudnnStandin, RefusesWhatCudnnWouldNotSee) {
  const cuda::Descriptor description = cuda::describe_device(find_gpu("h100").json);
  cudnnHandle_t handle = nullptr;
  ASSERT_EQ(cuda::cudnn().create(&handle), CUDNN_STATUS_SUCCESS);
  {
    // f32, 28 -> 12 channels: needs a workspace.
    const cuda::Target target{handle, nullptr, "H100"};
    const cuda::ConvProblem p{ConvPass::backward_data, DType::f32, 2, 6, 6, 28, 12, 3, 1, 1};
    const std::vector<cuda::ConvPlan> plans = cuda::conv_plans(target, p, {}, 1);
    ASSERT_GT(plans[0].workspace, 0u);
    const Queue q{Device::cuda};
    const Tensor x = random_tensor(q, {2, 6, 6, 28}, 1), w = random_tensor(q, {12, 3, 3, 28}, 2),
                 y = random_tensor(q, {2, 6, 6, 12}, 3);
    const Tensor block = Tensor::empty(Device::cuda, DType::u8, {int64_t(plans[0].workspace)});
    const auto refusal = [&](std::initializer_list<cuda::Operand> operands, void* workspace) -> std::string {
      try {
        cuda::execute(handle, plans[0].plan, operands, workspace);
        return "executed";
      } catch (const RunFailed& e) {
        return e.what();
      }
    };
    void *const xs = x.view().data, *const ws = w.view().data, *const ys = y.view().data, *const b = block.view().data;
    EXPECT_EQ(refusal({{1, xs}, {2, ws}, {3, ys}}, b), "executed");
    cuda::synchronize(nullptr);
    const auto expect_refusal = [&](const std::string& part, std::initializer_list<cuda::Operand> operands,
                                    void* workspace) {
      const std::string why = refusal(operands, workspace);
      EXPECT_NE(why.find(part), why.npos) << why;
    };
    expect_refusal("no workspace", {{1, xs}, {2, ws}, {3, ys}}, nullptr);
    expect_refusal("has no pointer", {{1, xs}, {2, ws}}, b);
    expect_refusal("no tensor 7", {{1, xs}, {2, ws}, {7, ys}}, b);
    expect_refusal("a uid twice", {{1, xs}, {2, ws}, {2, ys}}, b);
    expect_refusal("overlap", {{1, xs}, {2, ws}, {3, xs}}, b);
    expect_refusal("lies in the workspace", {{1, xs}, {2, ws}, {3, b}}, b);
  }
  EXPECT_EQ(cuda::cudnn().destroy(handle), CUDNN_STATUS_SUCCESS);
  EXPECT_NE(cuda::cudnn().set_stream(handle, nullptr), CUDNN_STATUS_SUCCESS);
}

TEST_F(CublasStandin, EveryFailingCallIsAnError) {
  for (const char* name : {"linear_forward/3x5->7", "linear_backward/3x5->7"}) {
    const int64_t calls = calls_of(name);
    expect_nothing_left();
    ASSERT_GE(calls, 5);  // create, math mode, stream, workspace, product
    for (int64_t n = 1; n <= calls; ++n) {
      SCOPED_TRACE(fmt::format("{}, call {} of {}", name, n, calls));
      const std::string error = run_alone(name, n);
      EXPECT_NE(error.find("failed: "), std::string::npos) << error;
      expect_nothing_left();
    }
  }
}

// Runs a test in a process of its own with the driver stand-in: cuDNN looks for the driver only once, when it is
// opened.
void pass_with_driver(const std::string& test) {
  const std::string program = std::filesystem::read_symlink("/proc/self/exe");
  const ProgramOutput run =
      shell(fmt::format("env -u GTEST_TOTAL_SHARDS -u GTEST_SHARD_INDEX SKEIN_STANDIN_DRIVER='{}' '{}' "
                        "--gtest_filter='{}'",
                        built("libskein_driver_standin.so"), program, test));
  EXPECT_EQ(run.status, 0) << run.out << run.err;
  EXPECT_NE(run.out.find("[  PASSED  ] 1 test."), std::string::npos) << run.out << run.err;
}

TEST_F(CudnnStandin, MakesWeightGradientsInF32WhereEnginesCanBeCompiled) {
  if (!std::getenv("SKEIN_STANDIN_DRIVER")) {
    const auto* const test = ::testing::UnitTest::GetInstance()->current_test_info();
    return pass_with_driver(fmt::format("{}.{}", test->test_suite_name(), test->name()));
  }
  const Queue q{Device::cuda, cuda::create_stream()};
  const reference::Conv conv{{2, 9, 6, 16}, {32, 3, 3, 16}, {2, 1}};
  const Tensor x = random_tensor(q, conv.x, 1, 0, 1, DType::bf16),
               dy = random_tensor(q, conv.y(), 2, 0, 1, DType::bf16),
               dw = Tensor::empty(Device::cuda, DType::f32, conv.w);
  cuda::Target target{.name = "the emulated GPU"};
  CUDNN_CHECK(cuda::cudnn().create(&target.handle));
  CUDNN_CHECK(cuda::cudnn().set_stream(target.handle, q.stream));
  int ran = 0;
  for (const cuda::ConvPlan& plan :
       cuda::conv_plans(target, cuda::conv_problem(ConvPass::backward_weights, x, dw, conv.g, dy), {}, 2)) {
    if (plan.info.cast) continue;
    EXPECT_TRUE(plan.info.run_time_compiled);
    const std::initializer_list<cuda::Operand> operands = {
        {cuda::kX, x.view().data}, {cuda::kW, dw.view().data}, {cuda::kY, dy.view().data}};
    cuda::execute(target.handle, plan.plan, operands, cuda::workspace(q.stream, plan.workspace));
    cuda::synchronize(q.stream);
    const auto expected = [&] { return conv.backward_weights(to_numbers(x), to_numbers(dy)); };
    expect_close(expect("dw", dw, expected));  // in f32: not rounded to bf16
    ++ran;
  }
  EXPECT_EQ(ran, 1);
  cuda::cudnn().destroy(target.handle);
  cuda::destroy_stream(q.stream);
}

}  // namespace
}  // namespace skein::testing
