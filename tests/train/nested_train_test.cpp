// Training on the CPU in processes with two workers each: every schedule with every compression, to the bits of threads
// of one process. The processes are threads here; tests/train/tcp_train_test.cpp has real ones.
#include <gtest/gtest.h>

#include <mutex>
#include <thread>

#include "comm/transports/thread_communicator.h"
#include "tests/support/training_grid.h"

namespace skein::testing {
namespace {

std::map<int64_t, uint64_t> train_in_processes(int count, const TrainConfig& config, const Splits& data) {
  std::map<int64_t, uint64_t> hashes;
  std::mutex mutex;
  ThreadGroup between(count);
  std::vector<std::thread> processes;
  for (int p = 0; p < count; ++p)
    processes.emplace_back([&, p] {
      omp_set_num_threads(1);
      ProcessGroup group(between.join(p));
      const auto own = train_to_hashes(group, config, data);
      const std::lock_guard lock(mutex);
      hashes.insert(own.begin(), own.end());
    });
  for (std::thread& t : processes) t.join();
  return hashes;
}

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
