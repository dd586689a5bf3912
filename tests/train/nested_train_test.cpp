// Training on the CPU in processes with two workers each: every schedule with every compression, to the bits of threads
// of one process. The processes are threads here; tests/train/tcp_train_test.cpp has real ones.
#include <gtest/gtest.h>

#include "tests/support/training_grid.h"

namespace skein::testing {
namespace {

TEST(NestedTrain, HasTheBitsOfThreads) {
  std::vector<TrainConfig> configurations = few_configurations();
  // The sanitizers see the same code in a few of them.
  if (cuda::emulated())
    configurations = {configurations[0], configurations[4], configurations[6], configurations.back()};
  const Splits data = open_dataset("synthetic", dataset_options(configurations.front()));
  use_conv(Device::cpu, "onednn", ComputeType::f32);
  for (TrainConfig& c : configurations) {
    c.device = DeviceChoice::cpu;
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    ProcessGroup alone;
    const auto expected = train_to_hashes(alone, c, data);
    omp_set_num_threads(threads);
    EXPECT_EQ(train_in_processes(2, c, data), expected) << name_of(c);
  }
  use_conv(Device::cpu, "auto", ComputeType::f32);
}

}  // namespace
}  // namespace skein::testing
