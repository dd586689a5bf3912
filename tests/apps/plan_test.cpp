// The real cuDNN as a judge of every convolution that a network asks for, on GPUs that are not here.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "apps/plan/planned_step.h"
#include "base/check.h"
#include "base/formats/json.h"
#include "kernels/device/emulated.h"
#include "kernels/device/runtime.h"
#include "tests/support/run_binary.h"

namespace skein::testing {
namespace {

constexpr size_t kBudget = size_t(32) << 20;  // bytes of workspace for any convolution of ResNet-20 at batch 128

std::unique_ptr<cuda::ConvPlanner> planner_for(const std::string& gpu) {
  return std::make_unique<cuda::ConvPlanner>(find_gpu(gpu).json);
}

// Why nothing can be planned here; empty: it can.
std::string absent_library() {
  if (cuda::available() && !cuda::emulated())
    return "cuDNN crashes when it plans for another kind of GPU than the one it sees; hide it: CUDA_VISIBLE_DEVICES=''";
  try {
    planner_for("h100");
    return {};
  } catch (const BadInput& e) {
    return e.what();
  }
}

class Plan : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = absent_library(); !why.empty()) GTEST_SKIP() << why;
  }
};

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const BadInput& e) {
    return e.what();
  }
  return "no error";
}

TEST(DryStep, CountsTheLayersOfResNet20) {
  const DryStep step = dry_step({.model = "resnet20"});
  EXPECT_EQ(step.convolutions(), 21);  // 19 of 3x3 and two shortcuts
  int64_t forward = 0, data = 0, weights = 0;
  double flops = 0;
  for (const PlannedKernel& k : step.kernels) {
    if (!k.convolution) continue;
    forward += k.problem.pass == ConvPass::forward ? k.count : 0;
    data += k.problem.pass == ConvPass::backward_data ? k.count : 0;
    weights += k.problem.pass == ConvPass::backward_weights ? k.count : 0;
    if (k.problem.pass == ConvPass::forward) flops += k.count * k.flops;
  }
  EXPECT_EQ(forward, 21);
  EXPECT_EQ(weights, 21);
  EXPECT_EQ(data, 20);  // images need no gradient
  // 3x3 layers: 442368 + 6 * 2359296 + 1179648 + 5 * 2359296 + 1179648 + 5 * 2359296; shortcuts: 2 * 131072.
  EXPECT_EQ(flops, 2.0 * 128 * (442368 + 16 * 2359296 + 2 * 1179648 + 2 * 131072));
}

TEST(DryStep, HalvesActivationsInBf16) {
  const DryStep f32 = dry_step({.model = "resnet20"}), bf16 = dry_step({.model = "resnet20", .dtype = DType::bf16});
  EXPECT_NEAR(double(bf16.activations) / double(f32.activations), 0.5, 0.01);
  // The shadow of the parameters, padding included.
  EXPECT_NEAR(double(bf16.parameter_bytes - f32.parameter_bytes), 2.0 * double(f32.parameters), 0.05 * 2.0 * 272474);
}

class PlanOnGpu : public Plan, public ::testing::WithParamInterface<std::tuple<const char*, DType>> {};

TEST_P(PlanOnGpu, FindsADeterministicEngineForEveryConvolutionOfResNet20) {
  const auto [gpu, dtype] = GetParam();
  const auto planner = planner_for(gpu);
  for (const PlannedKernel& k : dry_step({.model = "resnet20", .dtype = dtype}).kernels) {
    if (!k.convolution) continue;
    SCOPED_TRACE(name_of(k.problem));
    const cuda::ConvPlanInfo info = planner->plan(k.problem, {.workspace = kBudget});
    EXPECT_TRUE(info.deterministic);
    EXPECT_GE(info.allowed, 1);
    EXPECT_LE(info.workspace, kBudget);
    EXPECT_FALSE(dtype == DType::f32 && info.tensor_cores) << "f32 is multiplied as TF32";
  }
}

INSTANTIATE_TEST_SUITE_P(Gpus, PlanOnGpu,
                         ::testing::Combine(::testing::Values("a100", "h100", "b200"),
                                            ::testing::Values(DType::f32, DType::bf16)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)) +
                                  (std::get<1>(info.param) == DType::f32 ? "_f32" : "_bf16");
                         });

TEST_F(Plan, KnowsGpusThatCudnnTakes) {
  for (const std::string& gpu : gpu_names()) {
    SCOPED_TRACE(gpu);
    const cuda::ConvProblem p{ConvPass::forward, DType::f32, 8, 16, 16, 16, 32, 3, 1, 1};
    EXPECT_GE(planner_for(gpu)->plan(p, {}).allowed, 1);
  }
}

TEST_F(Plan, TellsCudnnsReason) {
  const cuda::ConvProblem p{ConvPass::forward, DType::bf16, 8, 16, 16, 16, 32, 3, 1, 1};
  const std::string why = message_of([&] { planner_for("t4")->plan(p, {}); });
  EXPECT_NE(why.find("forward bf16 8x16x16x16->32 k3 s1 p1 on Tesla T4"), why.npos) << why;
  EXPECT_NE(why.find("hardware_bfloat16_supported"), why.npos) << why;
}

TEST_F(Plan, KeepsToTheWorkspace) {
  const cuda::ConvProblem p{ConvPass::backward_data, DType::f32, 128, 32, 32, 16, 16, 3, 1, 1};
  const auto planner = planner_for("h100");
  const size_t wanted = planner->plan(p, {}).workspace;
  ASSERT_GT(wanted, size_t(1) << 20) << "the test needs a plan with a workspace";
  std::string why = "planned";
  try {
    EXPECT_LT(planner->plan(p, {.workspace = wanted - 1}).workspace, wanted);
  } catch (const BadInput& e) {
    why = e.what();
    EXPECT_NE(why.find("MB of workspace"), why.npos) << why;
  }
}

TEST_F(Plan, UsesTf32OnlyWhenAllowed) {
  const cuda::ConvProblem p{ConvPass::forward, DType::f32, 128, 8, 8, 64, 64, 3, 1, 1};
  EXPECT_FALSE(planner_for("h100")->plan(p, {}).tensor_cores);
  EXPECT_TRUE(planner_for("h100")->plan(p, {.tf32 = true}).tensor_cores);
}

TEST_F(Plan, ReadsADescriptionFromAFile) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "gpu.json";
  Json gpu = Json::parse(find_gpu("a100").json);
  gpu["peaks"] = {{"bandwidth", 1e12}, {"f32", 2e13}};
  std::ofstream(path) << gpu.dump();
  const GpuModel model = find_gpu(path.string());
  EXPECT_EQ(model.compute, 80);
  EXPECT_EQ(model.peaks.f32, 2e13);
  const cuda::ConvPlanner planner(model.json);
  gpu.erase("peaks");
  gpu.erase("warpSize");
  std::ofstream(path) << gpu.dump();
  const std::string why = message_of([&] { cuda::ConvPlanner(find_gpu(path.string()).json); });
  EXPECT_NE(why.find("description of a GPU"), why.npos) << why;
  std::ofstream(path) << "hello";
  EXPECT_NE(message_of([&] { find_gpu(path.string()); }).find(path.string()), std::string::npos);
  EXPECT_NE(message_of([] { find_gpu("h1000"); }).find("h100"), std::string::npos);
}

TEST_F(Plan, PrintsATableAndJson) {
  const testing::ProgramOutput table = skein("plan --gpu h100 --model resnet8 --batch 16 --dtype bf16");
  EXPECT_EQ(table.status, 0) << table.err;
  expect_parts(table.out, {"NVIDIA H100", "32x32 3->16 3x3/1", "backward weights", "tensor cores", "largest batch",
                           "estimate, not measured"});
  const testing::ProgramOutput json = skein("plan --gpu h100 --model resnet8 --batch 16 --json");
  const Json plan = Json::parse(json.out);
  EXPECT_EQ(plan.at("batch"), 16);
  EXPECT_GT(plan.at("roofline_estimate_ms").get<double>(), 0.0);
  for (const Json& layer : plan.at("convolutions").elements()) EXPECT_EQ(layer.at("deterministic"), true);
}

TEST_F(Plan, RefusesWhatTheGpuCannotDo) {
  expect_failure(skein("plan --gpu t4 --model resnet8 --batch 16 --dtype bf16"), 2,
                 {"Tesla T4", "bfloat16", "Use f32"});
}

}  // namespace
}  // namespace skein::testing
