// DeviceTimer on emulated devices whose streams run early or late.
#include "kernels/device/device_timer.h"

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "kernels/device/peak.h"
#include "kernels/emulator/emulator.h"

namespace skein::cuda {
namespace {

class DeviceTimerTest : public ::testing::Test {
 protected:
  ~DeviceTimerTest() override {
    destroy_stream(stream);
    emulator::set_seed(0);
  }
  void begin(uint64_t seed) {
    emulator::set_seed(seed);
    stream = create_stream();
  }
  void sleep_on_stream() const {
    cudaLaunchHostFunc(
        stream, [](void*) { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }, nullptr);
  }
  Stream stream = nullptr;
};

// Time that the host spends must not be counted.
TEST_F(DeviceTimerTest, TakesTheTimeOfTheStream) {
  begin(0);
  DeviceTimer timer(stream);
  const double idle = timer.seconds([] { std::this_thread::sleep_for(std::chrono::milliseconds(200)); });
  const double busy = timer.seconds([&] { sleep_on_stream(); });
  EXPECT_LT(idle, 0.15);
  EXPECT_GE(busy, 0.02);
  EXPECT_TRUE(timer.ahead());
}

TEST_F(DeviceTimerTest, SaysThatTheHostWasNotAhead) {
  begin(1);
  DeviceTimer timer(stream);
  int runs = 0;
  timer.seconds([&] { ++runs; });
  EXPECT_GT(runs, 1) << "with longer and longer leads";
  EXPECT_FALSE(timer.ahead());
}

TEST_F(DeviceTimerTest, GivesBackWhatItTook) {
  begin(0);
  const emulator::Counts before = emulator::counts();
  EXPECT_GT(measure_copy_gbs(stream), 0);
  const emulator::Counts after = emulator::counts();
  EXPECT_EQ(after.device_blocks, before.device_blocks);
  EXPECT_EQ(after.events, before.events);
}

}  // namespace
}  // namespace skein::cuda
