// Measuring and describing a GPU: on the emulated one it must run and add up; no time means anything there.
#include <gtest/gtest.h>

#include "apps/plan/gpu_model.h"
#include "base/formats/json.h"
#include "cases/op_case.h"
#include "kernels/device/conv_plan.h"
#include "tests/support/need_gpu.h"
#include "tests/support/run_binary.h"

namespace skein::testing {
namespace {

std::string absent_planner() {
  try {
    cuda::ConvPlanner(find_gpu("h100").json);
    return {};
  } catch (const std::exception& e) {
    return e.what();
  }
}

Json measured(const std::string& arguments) {
  const ProgramOutput output = skein(arguments + " --json");
  EXPECT_EQ(output.status, 0) << output.err;
  return Json::parse(output.out);
}

void expect_row(const Json& row, const OpCase& c, double copy_gbs) {
  EXPECT_EQ(row.at("case"), c.name);
  const double seconds = row.at("median").get<double>(), gbs = row.at("rates").at("gb_per_s").get<double>();
  EXPECT_GT(seconds, 0) << c.name;
  const Cost cost = c.bind(Queue{Device::cuda}).cost();
  EXPECT_NEAR(gbs, cost.all_bytes() / seconds * 1e-9, 1e-6 * gbs) << c.name;
  EXPECT_NEAR(row.at("of_peak").get<double>(), gbs / copy_gbs, 1e-6 * gbs / copy_gbs) << c.name;
  EXPECT_EQ(row.at("rates").contains("gflop_per_s"), cost.flops > 0) << c.name;
  EXPECT_EQ(row.at("launches_hidden"), true) << c.name;
  EXPECT_EQ(row.at("types"), c.name.ends_with("/bf16") ? "bf16" : "f32");
  if (cost.flops == 0) return;
  const double gflops = cost.flops / seconds * 1e-9;
  EXPECT_NEAR(row.at("rates").at("gflop_per_s").get<double>(), gflops, 1e-6 * gflops);
}

void expect_cases(const std::string& filter) {
  std::vector<OpCase> cases = op_cases(Device::cuda);
  std::erase_if(cases, [&](const OpCase& c) { return c.name.find(filter) == std::string::npos; });
  ASSERT_GE(cases.size(), 2u) << "one in f32 and one in bf16";
  const Json table = measured("bench kernels --device cuda --all --repetitions 3 --filter '" + filter + "'");
  const double copy_gbs = table.at("peaks").at("copy_gb_per_s").get<double>();
  EXPECT_GT(copy_gbs, 0);
  ASSERT_EQ(table.at("cases").size(), cases.size());
  for (size_t i = 0; i < cases.size(); ++i) expect_row(table.at("cases").at(i), cases[i], copy_gbs);
}

TEST(GpuBench, TimesKernelsAgainstTheCopyBandwidth) {
  SKIP_IF(gpu_absent());
  expect_cases("add/4097");
}

TEST(GpuBench, TimesConvolutions) {
  SKIP_IF(gpu_absent());
  SKIP_IF(absent_planner());
  expect_cases("conv_backward_weights/2x9x6x16->32");
}

TEST(GpuBench, PrintsATableOfKernels) {
  SKIP_IF(gpu_absent());
  const ProgramOutput output = skein("bench kernels --device cuda --all --repetitions 2 --filter add/4097");
  expect_parts(output.out, {cuda::devices().at(0).name, "of copy", "add/4097", "add/4097/bf16"});
}

TEST(GpuBench, TimesStepsAsAGraphAndOneByOne) {
  SKIP_IF(gpu_absent());
  SKIP_IF(absent_planner());
  // A step takes the emulator a good part of a second.
  const Json step =
      measured("bench step --device cuda --dtype bf16 --model resnet8 --batch 2 --size 8 --steps 1 --warmup 0");
  EXPECT_EQ(step.at("device"), "cuda");
  EXPECT_EQ(step.at("machine").at("gpu"), cuda::devices().at(0).name);
  EXPECT_GT(step.at("device_memory_mb").get<double>(), 0.0);
  ASSERT_EQ(step.at("cases").size(), 2u);
  for (const size_t i : {0u, 1u}) {
    const Json& mode = step.at("cases").at(i);
    const std::string name = mode.at("case").get<std::string>();
    const double seconds = mode.at("median").get<double>(), busy = mode.at("busy").get<double>();
    EXPECT_EQ(name, i == 0 ? "resnet8/batch=2/size=8/graph" : "resnet8/batch=2/size=8/one_by_one");
    EXPECT_EQ(mode.at("types"), "bf16");
    EXPECT_NEAR(mode.at("rates").at("img_per_s").get<double>(), 2 / seconds, 1e-3);
    EXPECT_GT(busy, 0) << name;
    EXPECT_GE(seconds, mode.at("launch").get<double>()) << name;
    EXPECT_NEAR(mode.at("gap").get<double>(), seconds - busy, 1e-9 * seconds) << name;
    EXPECT_EQ(mode.at("launches_hidden"), true) << name;
    EXPECT_EQ(mode.at("allocations"), 0) << name;
  }
}

TEST(GpuBench, SaysWhatItNeeds) {
  expect_failure(skein("bench step --dtype tf32"), 2, {"--dtype tf32", "GPU"});
  expect_failure(skein("bench step --device gpu"), 2, {"--device", "cuda"});
  if (cuda::available()) return;
  for (const char* command : {"bench kernels --device cuda", "bench step --device cuda"})
    expect_failure(skein(command), 2, {"--device cuda", cuda::absent_reason()});
}

class DeviceDescription : public ::testing::Test {
 protected:
  // The output of skein devices --json, also in file().
  Json describe(const std::string& environment = "") const {
    const ProgramOutput output = shell(environment + " " + kSkein + " devices --json | tee " + file());
    EXPECT_EQ(output.status, 0) << output.err;
    return Json::parse(output.out);
  }
  std::string file() const { return (dir_ / "devices.json").string(); }
  ProgramOutput plan() const { return skein("plan --model resnet8 --batch 4 --gpu " + file()); }

 private:
  TempDir dir_;
};

TEST_F(DeviceDescription, NamesTheProcessor) {
  const Json devices = describe();
  EXPECT_FALSE(devices.at("cpu").at("name").get<std::string>().empty());
  EXPECT_EQ(devices.at("gpus").size(), cuda::devices().size());
  if (cuda::available()) return;
  EXPECT_EQ(devices.at("no_gpu"), cuda::absent_reason());
  expect_failure(plan(), 2, {file(), "names no GPU"});
}

// From the CUDA runtime alone: every key that cuDNN asks for, with the numbers of this device.
TEST_F(DeviceDescription, IsPlannedFor) {
  SKIP_IF(gpu_absent());
  const Json devices = describe("SKEIN_CUDNN=/nonexistent");
  EXPECT_NE(devices.at("without_cudnn").get<std::string>().find("/nonexistent"), std::string::npos);
  const Json gpu = devices.at("gpus").at(0), known = Json::parse(find_gpu("h100").json);
  EXPECT_EQ(gpu.size(), known.size());
  for (const auto& [key, value] : known.items()) {
    ASSERT_TRUE(gpu.contains(key)) << key;
    EXPECT_EQ(std::string(gpu.at(key).type_name()), value.type_name()) << key;
  }
  const cuda::DeviceInfo here = cuda::devices().at(0);
  const GpuModel read = find_gpu(file());
  EXPECT_EQ(read.device_name, here.name);
  EXPECT_EQ(read.compute, here.major * 10 + here.minor);
  EXPECT_EQ(read.multiprocessors, here.multiprocessors);
  EXPECT_EQ(read.memory, int64_t(here.memory));
  SKIP_IF(absent_planner());
  const ProgramOutput planned = plan();
  EXPECT_EQ(planned.status, 0) << planned.err;
  expect_parts(planned.out, {here.name, "32x32 3->16 3x3/1", "every choice is deterministic: yes"});
}

// cuDNN's own words about the device come before the runtime's: the stand-in describes the GPU that it plans for.
TEST_F(DeviceDescription, IsCudnnsWhereThereIsCudnn) {
  SKIP_IF(gpu_absent());
  SKIP_IF(absent_planner());
  const Json devices = describe();
  EXPECT_FALSE(devices.contains("without_cudnn"));
  const Json gpu = devices.at("gpus").at(0), cudnns = Json::parse(cuda::device_description());
  for (const auto& [key, value] : cudnns.items()) EXPECT_EQ(gpu.at(key), value) << key;
  EXPECT_EQ(plan().status, 0);
}

}  // namespace
}  // namespace skein::testing
