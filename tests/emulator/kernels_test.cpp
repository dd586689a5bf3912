// Fault detection in kernels and their launch. Every fault here is planted.
#include "kernels/emulator/sanitizer.h"
#include "tests/emulator/planted.h"

namespace skein {
namespace {

class Kernels : public Emulator {};

TEST_F(Kernels, AMissingBarrierShowsInAnotherOrder) {
  const Numbers x(counting(kThreads)), y(kThreads);
  std::vector<float> expected = counting(kThreads);
  for (float& e : expected) e = std::max(e - 1.0f, 0.0f);
  int wrong = 0;
  for (const uint64_t seed : kSeeds) {
    cuda::emulator::set_seed(seed);
    faults::shift(nullptr, x, y, true);
    EXPECT_EQ(y.get(), expected) << "seed " << seed;
    faults::shift(nullptr, x, y, false);
    wrong += y.get() != expected;
  }
  EXPECT_EQ(wrong, int(kSeeds.size()) - 1) << "all but the ascending order";
}

TEST_F(Kernels, UnwrittenSharedMemoryIsNotANumber) {
  const Numbers y(32, -1.0f);
  faults::read_shared(nullptr, y, 32, 32);
  EXPECT_EQ(y.get(), counting(32));
  const Numbers z(32, -1.0f);
  faults::read_shared(nullptr, z, 32, 31);
  EXPECT_EQ(z.get()[30], 30.0f);
  EXPECT_EQ(z.get()[31], -1.0f) << "no comparison holds for what was not written, nor what an earlier block wrote";
}

TEST_F(Kernels, UnwrittenDeviceMemoryIsNotANumber) {
  View x{cuda::allocate(4), DType::f32, {1, 1, 1, 1}};
  float value = 0;
  cuda::copy_to_host(nullptr, x, &value);
  EXPECT_NE(value, value);
  cuda::release(x.data);
}

TEST_F(Kernels, BarrierThatThreadsSkip) {
  const std::string fault = fault_of([] { faults::skip_barrier(nullptr, 60); });
  expect_says(fault, "faults.cu:");
  expect_says(fault, "a barrier that 4 of 64 threads skip, thread 60 for one");
  expect_says(fault, "(block 0, thread 0)");
}

TEST_F(Kernels, TwoBarriersForOne) {
  expect_says(fault_of([] { faults::two_barriers(nullptr, 7); }), "a barrier, while thread 7 waits at the");
}

TEST_F(Kernels, BallotCountsTheLanesThatAreThere) {
  const Numbers y(1);
  faults::count_lanes(nullptr, y, 8, 0xffffff00u);
  EXPECT_EQ(y.get()[0], 24.0f);
}

TEST_F(Kernels, BallotWithALaneThatHasExited) {
  const Numbers y(1);
  const std::string fault = fault_of([&] { faults::count_lanes(nullptr, y, 8, 0xffffffffu); });
  expect_says(fault, "faults.cu:");
  expect_says(fault, "__ballot_sync names lane 0, which has exited");
  cuda::emulator::set_seed(1);
  expect_says(fault_of([&] { faults::count_lanes(nullptr, y, 8, 0xffffffffu); }),
              "__ballot_sync for lanes 0, 1, 2");  // the lane exits after the others have begun to wait
}

TEST_F(Kernels, MaskThatLacksTheCaller) {
  expect_says(fault_of([] { faults::sync_lanes(nullptr, 0, 0xfffffff0u); }),
              "which lack the caller, lane 0 (block 0, thread 0)");
}

TEST_F(Kernels, LaneThatNeverComes) {
  const std::string fault = fault_of([] { faults::sync_lanes(nullptr, 2, 0xffffffffu); });
  expect_says(fault, "__syncwarp for lanes 0, 1, 2");
  expect_says(fault, "waits for ever; thread 0 waits in __syncthreads at");
}

TEST_F(Kernels, ShuffleFromALaneThatTakesNoPart) {
  const Numbers y(32);
  faults::shuffle_from(nullptr, y, 5, 0xffu);
  EXPECT_EQ(y.get()[0], 5.0f);
  expect_says(fault_of([&] { faults::shuffle_from(nullptr, y, 9, 0xffu); }), "reads lane 9, which does not");
}

TEST_F(Kernels, TooMuchSharedMemory) {
  expect_says(fault_of([] { faults::huge_shared(nullptr); }), "more than 49152 bytes of shared memory");
}

TEST_F(Kernels, LaunchesThatNoDeviceTakes) {
  EXPECT_THROW(faults::launch_empty(nullptr, 1, 1025), RunFailed);
  EXPECT_THROW(faults::launch_empty(nullptr, 1, 0), RunFailed);
  EXPECT_THROW(faults::launch_empty(nullptr, -1, 32), std::logic_error);
  faults::launch_empty(nullptr, 3, 1024);
  cuda::synchronize(nullptr);
}

TEST_F(Kernels, HostMemoryAsAnArgument) {
  float y = 0;
  expect_says(fault_of([&] { faults::add(nullptr, 1.0f, &y); }), "is no device memory, or was freed");
}

#ifdef SKEIN_ASAN
using KernelsDeathTest = Kernels;

TEST_F(KernelsDeathTest, Overrun) {
  const Numbers x(kThreads), y(kThreads);
  faults::copy(nullptr, x, y, kThreads - 1);
  cuda::synchronize(nullptr);
  EXPECT_DEATH(
      {
        faults::copy(nullptr, x, y, kThreads);
        cuda::synchronize(nullptr);
      },
      "heap-buffer-overflow");
}

TEST_F(KernelsDeathTest, SharedOverrun) {
  const Numbers y(1);
  faults::write_shared(nullptr, y, 31);
  EXPECT_EQ(y.get()[0], 3.0f);
  for (const int at : {-1, 32})
    EXPECT_DEATH(
        {
          faults::write_shared(nullptr, y, at);
          cuda::synchronize(nullptr);
        },
        "use-after-poison");
}

TEST_F(KernelsDeathTest, FreedMemoryBehindAPointerInAStruct) {
  View y{cuda::allocate(4), DType::f32, {1, 1, 1, 1}};
  EXPECT_DEATH(
      {
        cuda::release(y.data);
        faults::add_hidden(nullptr, 1.0f, y.as<float>());
        cuda::synchronize(nullptr);
      },
      "heap-use-after-free");
  cuda::release(y.data);
}
#endif

TEST_F(Emulator, NoDevice) {
  cuda::emulator::set_devices(0);
  EXPECT_FALSE(cuda::available());
  expect_says(cuda::absent_reason(), "no NVIDIA driver");
  cuda::emulator::set_devices(1);
  EXPECT_TRUE(cuda::available());
  EXPECT_EQ(cuda::devices().at(0).name, "emulated GPU");
}

}  // namespace
}  // namespace skein
