// The training loop on a GPU or on the emulator: it reports the losses of the CPU, and waits for the device only where
// it must.
#include <gtest/gtest.h>

#include "data/formats/formats.h"
#include "kernels/device/emulated.h"
#include "tests/support/small_training_run.h"
#include "train/trainer.h"

namespace skein::testing {
namespace {

class CudaTrain : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!cuda::available()) GTEST_SKIP() << cuda::absent_reason();
    config_ = small_config();
    config_.batch = 2;
    config_.synthetic_train = 32 * 2;  // steps of an epoch
  }

  // A reported step, and the number of calls of the runtime before the report.
  struct Report {
    StepMetrics step;
    int64_t allocations, synchronizations;
  };
  std::vector<Report> train(DeviceChoice device) {
    config_.device = device;
    Splits data = open_dataset("synthetic", dataset_options(config_));
    if (device == DeviceChoice::cuda) make_resident(data.train), make_resident(data.test);
    ProcessGroup alone;
    Trainer trainer(alone, make_model_info(config_, data.train), data);
    std::vector<Report> reports;
    const auto note = [&](const StepMetrics& m) {
      reports.push_back({m, cuda::allocations(), cuda::synchronizations()});
    };
    trainer.run({note, [](const EpochMetrics&) {}, never});
    return reports;
  }

  TrainConfig config_;
};

TEST_F(CudaTrain, WaitsOnceForManyStepsAndTakesNoMemory) {
  // The emulator is slow, and two passes per step cover all code of one.
  for (const int64_t accumulate : cuda::emulated() ? std::vector{2} : std::vector{1, 2}) {
    config_.accumulate = accumulate;
    config_.synthetic_train = 32 * 2 * accumulate;
    const std::vector<Report> reports = train(DeviceChoice::cuda);
    ASSERT_EQ(reports.size(), 64u);
    // The first epoch allocates and captures, and at its end comes an evaluation.
    const Report &before = reports[47], &after = reports[48];
    EXPECT_EQ(after.step.step, 49) << "reported with the steps up to 64";
    EXPECT_EQ(after.allocations, before.allocations);
    EXPECT_EQ(after.synchronizations - before.synchronizations, 1) << "for the losses of 16 steps";
  }
}

// Two workers share one stream: the work of one must not become part of the graph that the other captures.
TEST_F(CudaTrain, ReportsEveryStepsLossAsTheCpuDoes) {
  config_.batch = 8;
  config_.epochs = 1;
  for (const int64_t workers : {1, 2}) {
    config_.workers = workers;
    config_.parallel = 1;
    config_.synthetic_train = 20 * 8 * workers - 4;  // not a multiple of 16 steps, and the last batch is short
    const std::vector<Report> cpu = train(DeviceChoice::cpu), gpu = train(DeviceChoice::cuda);
    ASSERT_EQ(gpu.size(), cpu.size());
    for (size_t i = 0; i < cpu.size(); ++i) {
      const StepMetrics &c = cpu[i].step, &g = gpu[i].step;
      EXPECT_EQ(g.step, c.step);
      EXPECT_EQ(g.step_in_epoch, c.step_in_epoch);
      EXPECT_EQ(g.images, c.images);
      EXPECT_EQ(g.totals.images, c.totals.images);
      EXPECT_NEAR(g.loss, c.loss, (i < 5 ? 1e-4 : 2e-2) * c.loss) << "step " << c.step << ", " << workers << " workers";
    }
  }
}

// The third step is captured, the later ones are replayed.
TEST_F(CudaTrain, FrozenLayersAsOnTheCpu) {
  config_.epochs = 1;
  config_.synthetic_train = 6 * 2;
  for (const Freeze what : {Freeze::stem, Freeze::all_but_classifier}) {
    config_.freeze = what;
    const std::vector<Report> cpu = train(DeviceChoice::cpu), gpu = train(DeviceChoice::cuda);
    ASSERT_EQ(gpu.size(), cpu.size());
    for (size_t i = 0; i < cpu.size(); ++i) EXPECT_NEAR(gpu[i].step.loss, cpu[i].step.loss, 1e-3 * cpu[i].step.loss);
  }
}

TEST_F(CudaTrain, ALossThatIsNotANumberNamesItsStep) {
  config_.lr = 1e30;
  const auto place = [&](DeviceChoice device) -> std::string {
    try {
      train(device);
    } catch (const RunFailed& e) {
      const std::string why = e.what();
      return why.substr(why.find("at step"));
    }
    return "no error";
  };
  const std::string expected = place(DeviceChoice::cpu);
  EXPECT_NE(expected.find("(epoch 1, step "), std::string::npos) << expected;
  EXPECT_EQ(place(DeviceChoice::cuda), expected);
}

}  // namespace
}  // namespace skein::testing
