// After the first steps a training step takes no tensor memory and starts no thread.
#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <tuple>

#include "cases/op_case.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "kernels/conv.h"
#include "models/model.h"

namespace skein::testing {
namespace {

// Threads are numbered upwards, so a thread that came and went is seen in the highest number as well.
struct Threads {
  int64_t count = 0, highest = 0;
  bool operator==(const Threads&) const = default;
};
Threads threads() {
  Threads t;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    ++t.count;
    t.highest = std::max<int64_t>(t.highest, std::stol(entry.path().filename()));
  }
  return t;
}

class SteadyStep : public ::testing::TestWithParam<std::tuple<int, DType>> {
 protected:
  // skein's own direct convolutions, for every layer: oneDNN takes fewer threads for small ones, and libgomp ends those
  // that are left over and starts them anew.
  void SetUp() override {
    const auto all = cpu::conv_implementations(DType::f32);
    const auto own = std::find_if(all.begin(), all.end(),
                                  [](const std::string& name) { return name.find('-') == std::string::npos; });
    if (*own == "onednn" && std::get<0>(GetParam()) > 2)
      GTEST_SKIP() << "no convolution of skein's own runs on this processor";
    cpu::force_conv_implementation(*own);
    omp_set_num_threads(std::get<0>(GetParam()));
  }
  void TearDown() override {
    cpu::force_conv_implementation("auto");
    omp_set_num_threads(omp_get_num_procs());
  }
};

TEST_P(SteadyStep, TakesNoMemoryAndStartsNoThread) {
  const Queue queue;
  ParameterStore p;
  const auto model = make_model("resnet8", {}, p);
  const DType type = std::get<1>(GetParam());
  p.build(Device::cpu, 1, type);
  Arena arena(Device::cpu);
  Tape tape(queue, arena);
  Sgd sgd(p, {}, queue);
  const Tensor images = random_tensor(queue, {16, 16, 16, 3}, 1, 0, 1, type), labels = random_labels(queue, 16, 10, 2);
  auto step = [&] {
    tape.reset();
    tape.backward(cross_entropy(model->forward(tape.input(images)), labels).mean);
    sgd.step();
  };
  for (int i = 0; i < 2; ++i) step();
  const int64_t allocations = cpu::allocations();
  const Threads before = threads();
  for (int i = 0; i < 5; ++i) step();
  EXPECT_EQ(cpu::allocations(), allocations);
  EXPECT_EQ(threads(), before);
  cpu::release(cpu::allocate(64));
  EXPECT_EQ(cpu::allocations(), allocations + 1) << "the counter counts";
}

INSTANTIATE_TEST_SUITE_P(Threads, SteadyStep,
                         ::testing::Combine(::testing::Values(1, 2, 3, 5), ::testing::Values(DType::f32, DType::bf16)),
                         [](const auto& info) {
                           return std::to_string(std::get<0>(info.param)) +
                                  (std::get<1>(info.param) == DType::f32 ? "_f32" : "_bf16");
                         });

}  // namespace
}  // namespace skein::testing
