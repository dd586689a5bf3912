// Fault detection between several devices, each with memory, streams and events of its own. Every fault is planted.
#include <cuda_runtime_api.h>

#include <functional>
#include <thread>

#include "kernels/all_sum.h"
#include "kernels/device/peers.h"
#include "kernels/emulator/sanitizer.h"
#include "tests/emulator/planted.h"

namespace skein {
namespace cuda {
int64_t multiprocessors();  // kernels/cuda/dialect/gpu.h, which is for .cu files
}
namespace {

constexpr const char kNoAccess[] =
    "memory of device 1, on a stream of device 0, which has no peer access to it (cudaDeviceEnablePeerAccess)";

class Devices : public Emulator {
 protected:
  void SetUp() override { cuda::emulator::set_devices(3); }
  void TearDown() override {
    cuda::use_device(0);
    cuda::emulator::set_peers(true);
    cuda::emulator::set_devices(1);
    Emulator::TearDown();
  }
};

TEST_F(Devices, KernelThatTouchesAnothersMemory) {
  const cuda::DeviceScope scope(1);
  const Numbers y(1);
  const cuda::DeviceScope back(0);
  const std::string given = fault_of([&] { faults::add(nullptr, 1.0f, y); });
#ifdef SKEIN_ASAN
  if (given.find("the kernel at") == std::string::npos) expect_says(given, "faults.cu:");  // with llvm-symbolizer
#endif
  expect_says(given, kNoAccess);
}

TEST_F(Devices, PeerAccessIsOneWay) {
  ASSERT_EQ(cudaDeviceEnablePeerAccess(1, 0), cudaSuccess);
  EXPECT_EQ(cudaDeviceEnablePeerAccess(1, 0), cudaErrorPeerAccessAlreadyEnabled);
  EXPECT_EQ(cudaDeviceEnablePeerAccess(0, 0), cudaErrorInvalidDevice) << "itself";
  const Numbers own(1);
  cuda::use_device(1);
  const Numbers y(1);
  cuda::use_device(0);
  faults::add(nullptr, 1.0f, y);
  cuda::synchronize(nullptr);
  EXPECT_EQ(y.get()[0], 1.0f);
  cuda::use_device(1);
  expect_says(fault_of([&] { faults::add(nullptr, 1.0f, own); }), "memory of device 0, on a stream of device 1");
  cuda::use_device(0);
  ASSERT_EQ(cudaDeviceDisablePeerAccess(1), cudaSuccess);
  expect_says(fault_of([&] { faults::add(nullptr, 1.0f, y); }), kNoAccess);
}

TEST_F(Devices, MachinesWithoutPeerAccess) {
  EXPECT_TRUE(cuda::reach_device(1));
  cuda::emulator::set_peers(false);
  EXPECT_FALSE(cuda::reach_device(1));
  EXPECT_TRUE(cuda::reach_device(0)) << "itself";
  EXPECT_EQ(cudaDeviceEnablePeerAccess(1, 0), cudaErrorPeerAccessUnsupported);
}

TEST_F(Devices, CopiesBetweenDevices) {
  const Numbers x(1, 3.0f);
  cuda::use_device(1);
  const Numbers y(1);
  cuda::use_device(0);
  const Stream stream = cuda::create_stream();
  expect_says(fault_of([&] { cuda::copy(stream, x.view(), y.view()); }), std::string("a copy to ") + kNoAccess);
  expect_says(fault_of([&] { cuda::copy(stream, y.view(), x.view()); }), std::string("a copy from ") + kNoAccess);
  expect_says(fault_of([&] { cuda::zero(stream, y.view()); }), std::string("a memset of ") + kNoAccess);
  cuda::copy_between(stream, x.view(), y.view());
  cuda::synchronize(stream);
  EXPECT_EQ(y.get()[0], 3.0f) << "as cudaMemcpyPeer, which needs no access";
  EXPECT_EQ(cudaMemcpyPeerAsync(y, 0, x, 0, 4, stream), cudaErrorInvalidValue) << "y is not of device 0";
  ASSERT_TRUE(cuda::reach_device(1));
  cuda::copy(stream, y.view(), x.view());
  cuda::synchronize(stream);
  cuda::destroy_stream(stream);
}

TEST_F(Devices, StreamsAndEventsBelongToADevice) {
  const cuda::Event event = cuda::create_event();
  cuda::use_device(1);
  const Stream stream = cuda::create_stream();
  const Numbers y(1);
  EXPECT_EQ(cudaEventRecord(event, stream), cudaErrorInvalidResourceHandle) << "an event of device 0";
  const cuda::Event own = cuda::create_event();
  faults::add(stream, 1.0f, y);
  cuda::record(own, stream);
  cuda::begin_capture(stream);
  faults::add(stream, 1.0f, y);
  const cuda::Graph graph = cuda::end_capture(stream);
  cuda::launch_graph(graph, stream);
  cuda::use_device(0);
  EXPECT_THROW(faults::add(stream, 1.0f, y), RunFailed) << "the thread's device is another";
  cuda::synchronize(nullptr);
  EXPECT_FALSE(cuda::passed(own)) << "another device was synchronised";
  cuda::synchronize(stream);
  EXPECT_EQ(y.get()[0], 2.0f);
  const Stream other = cuda::create_stream();
  EXPECT_EQ(cudaGraphLaunch(graph, other), cudaErrorInvalidValue);
  cuda::wait(other, own);  // across devices
  cuda::synchronize(other);
  for (const Stream s : {stream, other}) cuda::destroy_stream(s);
  for (const cuda::Event e : {event, own}) cuda::destroy_event(e);
  cuda::destroy_graph(graph);
}

TEST_F(Devices, EveryThreadStartsWithTheFirst) {
  cuda::use_device(2);
  std::thread([] { EXPECT_EQ(cuda::current_device(), 0); }).join();
  EXPECT_EQ(cuda::current_device(), 2);
  EXPECT_EQ(cudaSetDevice(3), cudaErrorInvalidDevice);
  const int64_t before = cuda::emulator::device_bytes(2);
  const Numbers y(256);
  EXPECT_EQ(cuda::emulator::device_bytes(2) - before, 1024);
  EXPECT_EQ(cuda::device_of(y), 2);
  const float host = 0;
  EXPECT_EQ(cuda::device_of(&host), -1);
}

// Without a stream a copy is ordered after all work of the memory's device, whichever is current.
TEST_F(Devices, CopiesWithoutAStreamWaitForTheMemorysDevice) {
  cuda::use_device(1);
  const Numbers y(1);
  const Stream stream = cuda::create_stream();
  faults::add(stream, 1.0f, y);
  cuda::use_device(0);
  EXPECT_EQ(y.get()[0], 1.0f);
  EXPECT_EQ(cuda::current_device(), 0);
  cuda::destroy_stream(stream);
}

TEST_F(Devices, WhatIsKeptPerDevice) {
  cuda::emulator::set_multiprocessors(1, 7);
  const int64_t first = cuda::multiprocessors();
  void* const of_first = cuda::workspace(nullptr, 100);
  cuda::use_device(1);
  EXPECT_EQ(cuda::multiprocessors(), 7);
  EXPECT_EQ(cuda::device_of(cuda::workspace(nullptr, 100)), 1) << "the null stream's";
  cuda::use_device(0);
  EXPECT_EQ(cuda::multiprocessors(), first);
  EXPECT_EQ(cuda::workspace(nullptr, 100), of_first);
  cuda::emulator::set_multiprocessors(1, int(first));
}

// The views' addresses are in a struct of the kernel's, which lists them.
TEST_F(Devices, SumsOverTheMemoryOfSeveral) {
  const Numbers x(64, 1.0f);
  cuda::use_device(1);
  const Numbers y(64, 2.0f);
  cuda::use_device(0);
  const std::vector<View> both = {x.view(), y.view()};
  expect_says(fault_of([&] { cuda::sum_to_all(nullptr, both, 0, 64, 1.0f); }), kNoAccess);
  ASSERT_TRUE(cuda::reach_device(1));
  cuda::sum_to_all(nullptr, both, 0, 64, 1.0f);
  cuda::synchronize(nullptr);
  EXPECT_EQ(y.get(), std::vector<float>(64, 3.0f));
}

}  // namespace
}  // namespace skein
