// Wrong plans that cuDNN accepts in silence and skein refuses; plans kept on disk. Needs cuDNN's headers and the part
// of the library that works without a GPU.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "apps/plan/gpu_model.h"
#include "kernels/cuda/cudnn/conv_plans.h"
#include "kernels/cuda/cudnn/plan_cache.h"

namespace skein::cuda {
namespace {

class CudnnPlan : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      description_ = describe_device(find_gpu("h100").json);
    } catch (const BadInput& e) {
      GTEST_SKIP() << e.what();
    }
  }
  Target target() const { return {nullptr, &description_, "H100"}; }

  Descriptor description_;
  OperationGraph graph_;
  TensorSpec x_ = channels_last(1, DType::bf16, 8, 64, 32, 32), w_ = channels_last(2, DType::bf16, 64, 64, 3, 3),
             y_ = channels_last(3, DType::bf16, 8, 64, 32, 32);
  const ConvGeometry geometry_{1, 1};
};

template <class F>
void expect_refused(F&& f, const std::string& part) {
  try {
    f();
    ADD_FAILURE() << "accepted";
  } catch (const std::exception& e) {
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

TEST_F(CudnnPlan, RefusesTwoTensorsOfOneUid) {
  w_.uid = 1;
  expect_refused([&] { graph_.convolution(ConvPass::forward, x_, w_, y_, geometry_); }, "uid 1");
  OperationGraph square;  // x and y alike: nothing but the uid tells them apart
  y_.uid = 1;
  w_.uid = 2;
  expect_refused([&] { square.convolution(ConvPass::forward, x_, w_, y_, geometry_); }, "uid 1");
}

TEST_F(CudnnPlan, RefusesOtherLayouts) {
  y_.strides = {64 * 32 * 32, 32 * 32, 32, 1};
  expect_refused([&] { graph_.convolution(ConvPass::forward, x_, w_, y_, geometry_); }, "channels last");
}

TEST_F(CudnnPlan, RefusesGroups) {
  w_ = channels_last(2, DType::bf16, 64, 32, 3, 3);
  expect_refused([&] { graph_.convolution(ConvPass::forward, x_, w_, y_, geometry_); }, "groups");
}

TEST_F(CudnnPlan, RefusesVirtualTensorsOutOfNowhere) {
  x_.is_virtual = true;
  expect_refused([&] { graph_.convolution(ConvPass::forward, x_, w_, y_, geometry_); }, "virtual");
}

TEST_F(CudnnPlan, LeavesTheRestToCudnn) {
  const TensorSpec small = channels_last(3, DType::bf16, 8, 64, 31, 32),
                   f32 = channels_last(3, DType::f32, 8, 64, 32, 32);
  for (const TensorSpec& y : {small, f32}) {
    OperationGraph graph;
    expect_refused(
        [&] {
          graph.convolution(ConvPass::forward, x_, w_, y, geometry_);
          std::string reason;
          if (candidates(graph.finish(target()), target(), CUDNN_HEUR_MODE_A, reason).empty())
            throw RunFailed("{}", reason);
        },
        "CUDNN_STATUS");
  }
}

TEST_F(CudnnPlan, ChecksViewsAgainstEachOther) {
  const View x{nullptr, DType::f32, {2, 8, 8, 16}}, w{nullptr, DType::f32, {32, 3, 3, 16}},
      y{nullptr, DType::f32, {2, 8, 8, 32}};
  EXPECT_EQ(conv_problem(ConvPass::forward, x, w, {1, 1}, y).out, 32);
  expect_refused([&] { conv_problem(ConvPass::forward, x, w, {2, 1}, y); }, "y is 2x8x8x32");
  expect_refused(
      [&] {
        conv_problem(ConvPass::forward, x, {nullptr, DType::f32, {32, 3, 3, 8}}, {1, 1}, y);
      },
      "weights");
  expect_refused(
      [&] {
        conv_problem(ConvPass::forward, x, {nullptr, DType::bf16, {32, 3, 3, 16}}, {1, 1}, y);
      },
      "type");
  const View x16{nullptr, DType::bf16, {2, 8, 8, 16}}, y16{nullptr, DType::bf16, {2, 8, 8, 32}};
  EXPECT_EQ(conv_problem(ConvPass::backward_weights, x16, w, {1, 1}, y16).dtype, DType::bf16);
}

TEST_F(CudnnPlan, ComesBackFromItsJson) {
  const ConvProblem p{ConvPass::backward_weights, DType::bf16, 8, 16, 16, 16, 32, 3, 1, 1};
  const std::vector<ConvPlan> plans = conv_plans(target(), p, {}, 1);
  ASSERT_EQ(plans.size(), 1u);
  const std::string json = plans[0].plan.json(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION);
  const Descriptor again = read_plan(json, target());
  ASSERT_TRUE(again.raw());
  EXPECT_EQ(workspace_of(again), plans[0].workspace);
  EXPECT_EQ(again.json(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION), json);
}

TEST_F(CudnnPlan, OffersEveryAllowedEngineForMeasuring) {
  const ConvProblem p{ConvPass::forward, DType::bf16, 8, 16, 16, 16, 32, 3, 1, 1};
  const std::vector<ConvPlan> all = conv_plans(target(), p, {}, 100);
  EXPECT_GT(all.size(), 5u);
  for (const ConvPlan& plan : all) EXPECT_TRUE(plan.info.deterministic);
}

class PlanFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              (std::string("plans_") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  std::filesystem::path folder_;
};

TEST_F(PlanFiles, AreFoundByTheNextProcess) {
  PlanCache(folder_.string()).store("key", {"{\"a\":\n1}", true});
  PlanCache next(folder_.string());
  const auto plan = next.find("key");
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->json, "{\"a\":\n1}");
  EXPECT_TRUE(plan->cast);
  EXPECT_FALSE(next.find("another key"));
  next.forget("key");
  EXPECT_FALSE(PlanCache(folder_.string()).find("key"));
}

TEST_F(PlanFiles, AreIgnoredWhenDamaged) {
  PlanCache first(folder_.string());
  first.store("key", {"{\"engine\": 12345}", false});
  const std::string path = first.file_of("key"), whole = read(path);
  ASSERT_GT(whole.size(), 20u);
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] ^= 1;
    std::ofstream(path, std::ios::binary) << damaged;
    EXPECT_FALSE(PlanCache(folder_.string()).find("key")) << "byte " << i;
    std::ofstream(path, std::ios::binary) << whole.substr(0, i);
    EXPECT_FALSE(PlanCache(folder_.string()).find("key")) << "cut at " << i;
  }
  std::ofstream(path, std::ios::binary) << whole;
  EXPECT_TRUE(PlanCache(folder_.string()).find("key"));
}

TEST_F(PlanFiles, OfAnotherKeyAreIgnored) {
  PlanCache cache(folder_.string());
  cache.store("key", {"{}", false});
  std::filesystem::copy_file(cache.file_of("key"), cache.file_of("foreign"));
  EXPECT_FALSE(PlanCache(folder_.string()).find("foreign"));
}

TEST_F(PlanFiles, AreNotNeeded) {
  std::ofstream(folder_) << "a file where the folder should be";
  PlanCache cache(folder_.string());
  cache.store("key", {"{}", false});
  EXPECT_TRUE(cache.find("key"));  // from memory
  PlanCache none("");
  none.store("key", {"{}", false});
  EXPECT_TRUE(none.find("key"));
}

}  // namespace
}  // namespace skein::cuda
