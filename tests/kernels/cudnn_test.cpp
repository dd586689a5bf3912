// Convolutions on a GPU, or on the emulated one through the real cuDNN's plans (tests/standin/cudnn.cpp).
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <ostream>
#include <thread>

#include "apps/plan/gpu_model.h"
#include "base/check.h"
#include "kernels/cuda/cudnn/plan_cache.h"
#include "kernels/device/conv_plan.h"
#include "tests/support/expect_close.h"
#include "tests/support/need_gpu.h"

namespace skein::testing {

void PrintTo(const OpCase& c, std::ostream* out);

namespace {

// Why there is nothing to test; empty: there is.
std::string absent() {
  if (const std::string why = gpu_absent(); !why.empty()) return why;
  try {
    cuda::ConvPlanner(find_gpu("h100").json);
    return {};
  } catch (const std::exception& e) {
    return e.what();
  }
}

class OnStream {
 public:
  OnStream() : queue{Device::cuda, cuda::create_stream()} {}
  ~OnStream() { cuda::destroy_stream(queue.stream); }
  OnStream(const OnStream&) = delete;
  const Queue queue;
};

class CudnnCase : public ::testing::TestWithParam<OpCase> {
 protected:
  void SetUp() override { SKIP_IF(absent()); }
};

TEST_P(CudnnCase, MatchesReference) {
  const OnStream on;
  const BoundCase bound = GetParam().bind(on.queue);
  bound.run();
  cuda::synchronize(on.queue.stream);
  for (const Output& out : bound.outputs) expect_close(out);
}

std::vector<OpCase> conv_cases() {
  std::vector<OpCase> cases = op_cases(Device::cuda);
  std::erase_if(cases, [](const OpCase& c) { return c.timed || !c.name.starts_with("conv"); });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Ops, CudnnCase, ::testing::ValuesIn(conv_cases()),
                         [](const auto& info) { return test_name(info.param.name); });

class Cudnn : public ::testing::Test {
 protected:
  void SetUp() override { SKIP_IF(absent()); }
  void TearDown() override { cuda::set_conv_options({}); }
};

OpCase find_case(const std::string& name) {
  for (const OpCase& c : op_cases(Device::cuda))
    if (c.name == name) return c;
  throw std::out_of_range(name);
}

const char* const kForward = "conv_forward/2x9x6x16->32 3x3/2";
const char* const kWeightsBf16 = "conv_backward_weights/2x9x6x16->32 3x3/2/bf16";

TEST_F(Cudnn, AllocatesNothingAfterTheFirstCall) {
  const OnStream on;
  for (const char* name : {kForward, kWeightsBf16}) {
    const BoundCase bound = find_case(name).bind(on.queue);
    bound.run();
    const int64_t before = cuda::allocations(), waits = cuda::synchronizations();
    for (int i = 0; i < 3; ++i) bound.run();
    EXPECT_EQ(cuda::allocations(), before) << name;
    EXPECT_EQ(cuda::synchronizations(), waits) << name;
    cuda::synchronize(on.queue.stream);
  }
}

TEST_F(Cudnn, IsReplayedWithNewInputs) {
  const OnStream on;
  const Queue q = on.queue;
  const Tensor x = random_tensor(q, {2, 6, 6, 16}, 1, 0, 1, DType::bf16),
               dy = random_tensor(q, {2, 6, 6, 32}, 2, 0, 1, DType::bf16);
  const Tensor x2 = random_tensor(q, {2, 6, 6, 16}, 3, 0, 1, DType::bf16);
  const Tensor dw = Tensor::empty(Device::cuda, DType::f32, {32, 3, 3, 16}),
               expected = Tensor::empty(Device::cuda, DType::f32, {32, 3, 3, 16});
  const auto run = [&](const Tensor& to) { cuda::conv_backward_weights(q.stream, x, dy, {1, 1}, to); };
  run(dw);
  cuda::synchronize(q.stream);
  cuda::begin_capture(q.stream);
  run(dw);
  const cuda::Graph graph = cuda::end_capture(q.stream);
  cuda::copy(q.stream, x2, x);
  cuda::launch_graph(graph, q.stream);
  run(expected);
  cuda::synchronize(q.stream);
  EXPECT_EQ(dw.to_vector(), expected.to_vector());
  cuda::destroy_graph(graph);
}

TEST_F(Cudnn, MeasuresEngines) {
  cuda::set_conv_options({.measured = true});
  const OnStream on;
  for (const char* name : {kForward, kWeightsBf16}) {
    const BoundCase bound = find_case(name).bind(on.queue);
    bound.run();
    cuda::synchronize(on.queue.stream);
    for (const Output& out : bound.outputs) expect_close(out);
  }
}

ConvChoice choice_of(const std::string& part_of_key) {
  for (const ConvChoice& c : cuda::conv_choices())
    if (c.layer.find(part_of_key) != std::string::npos) return c;
  ADD_FAILURE() << "no choice for " << part_of_key;
  return {};
}

// As from a checkpoint: skein's own kernel in cuDNN's place. A thread looks a choice up once.
TEST_F(Cudnn, TakesTheChoicesThatItIsGiven) {
  const OnStream on;
  const BoundCase bound = find_case("conv_backward_weights/2x14x14x16->16 3x3/1/bf16").bind(on.queue);
  const auto run = [&] {
    std::thread([&] { bound.run(), cuda::synchronize(on.queue.stream); }).join();
    return bound.outputs[0].actual.to_vector();
  };
  const auto rounded = [](const std::vector<float>& v) {  // to bf16, all of them
    return std::all_of(v.begin(), v.end(), [](float f) { return (std::bit_cast<uint32_t>(f) & 0xffffu) == 0; });
  };
  EXPECT_TRUE(rounded(run()));
  const std::string layer = choice_of("backward_weights bf16 2x14x14x16->16").layer;
  const std::string made = choice_of(layer).implementation, own = cuda::PlanCache::text_of(layer, {});
  EXPECT_NE(made, own);
  std::string damaged = own;
  damaged.back() ^= 1;
  cuda::set_conv_choices({{layer, damaged}});
  EXPECT_EQ(choice_of(layer).implementation, made);
  cuda::set_conv_choices({{layer, own}});
  EXPECT_EQ(choice_of(layer).implementation, own);
  EXPECT_FALSE(rounded(run()));
  expect_close(bound.outputs[0]);
  cuda::set_conv_choices({{layer, made}});
}

TEST_F(Cudnn, WorksForSeveralThreadsAtOnce) {
  std::vector<std::thread> threads;
  std::vector<std::string> errors(4);
  for (std::string& error : errors)
    threads.emplace_back([&error] {
      try {
        const OnStream on;
        const BoundCase bound = find_case(kForward).bind(on.queue);
        for (int i = 0; i < 3; ++i) bound.run();
        cuda::synchronize(on.queue.stream);
        for (const Output& out : bound.outputs) expect_close(out);
      } catch (const std::exception& e) {
        error = e.what();
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& error : errors) EXPECT_EQ(error, "");
}

TEST_F(Cudnn, SaysWhatDoesNotFit) {
  cuda::set_conv_options({.workspace = 0});
  const OnStream on;
  const BoundCase bound = find_case("conv_backward_weights/1x9x7x28->12 3x3/1/bf16").bind(on.queue);
  try {
    bound.run();
    ADD_FAILURE() << "the bf16 result needs scratch memory";
  } catch (const BadInput& e) {
    EXPECT_NE(std::string(e.what()).find("workspace"), std::string::npos) << e.what();
  }
  cuda::synchronize(on.queue.stream);  // before the operands go
}

TEST_F(Cudnn, DescribesTheDevice) {
  const cuda::ConvPlanner planner(cuda::device_description());
  EXPECT_GE(planner.plan({ConvPass::forward, DType::f32, 8, 16, 16, 16, 32, 3, 1, 1}, {}).allowed, 1);
}

}  // namespace
}  // namespace skein::testing
