// The emulator finds what is wrong in the order of work on streams: every fault here is planted.
#include <cuda_runtime_api.h>

#include <functional>
#include <thread>

#include "tests/emulator/planted.h"

namespace skein {
namespace {

struct Pinned {
  explicit Pinned(float value) : memory(static_cast<float*>(cuda::allocate_pinned(4))) { *memory = value; }
  ~Pinned() { cuda::release_pinned(memory); }
  Pinned(const Pinned&) = delete;
  float* memory;
};

TEST_F(Streams, WorkWaitsUntilTheHostDoes) {
  const Numbers y(1);
  const Pinned seen(0.0f);
  const int64_t kernels = cuda::emulator::counts().kernels;
  faults::add(one, 1.0f, y);
  cuda::copy_to_host_async(one, y.view(), seen.memory);
  EXPECT_EQ(cuda::emulator::counts().kernels, kernels);
  EXPECT_EQ(*seen.memory, 0.0f) << "read without a synchronise";
  cuda::synchronize(two);
  EXPECT_EQ(*seen.memory, 0.0f) << "another stream was synchronised";
  cuda::synchronize(one);
  EXPECT_EQ(*seen.memory, 1.0f);
}

// Stream two copies what stream one computes.
float copy_after(Stream one, Stream two, bool wait) {
  const Numbers y(1);
  const Pinned seen(0.0f);
  const cuda::Event event = cuda::create_event();
  faults::add(one, 1.0f, y);
  cuda::record(event, one);
  faults::add(one, 1.0f, y);  // after the event: not waited for
  if (wait) cuda::wait(two, event);
  cuda::copy_to_host_async(two, y.view(), seen.memory);
  cuda::synchronize(two);
  const float value = *seen.memory;
  cuda::synchronize(one);
  cuda::destroy_event(event);
  return value;
}

TEST_F(Streams, MissingEventWait) {
  EXPECT_EQ(copy_after(one, two, true), 1.0f);
  EXPECT_EQ(copy_after(one, two, false), 0.0f);
}

TEST_F(Streams, ReaderThatIsOvertaken) {
  cuda::emulator::set_seed(1);  // streams made from now on are early
  const Stream early = cuda::create_stream();
  for (const bool wait : {true, false}) {
    const Numbers y(1, 5.0f);
    const Pinned seen(0.0f);
    const cuda::Event read = cuda::create_event();
    cuda::copy_to_host_async(one, y.view(), seen.memory);
    cuda::record(read, one);
    if (wait) cuda::wait(early, read);
    faults::add(early, 1.0f, y);
    cuda::synchronize(one);
    EXPECT_EQ(*seen.memory, wait ? 5.0f : 6.0f);
    cuda::destroy_event(read);
  }
  cuda::destroy_stream(early);
}

TEST_F(Streams, EventRecordedAgainDoesNotMoveThoseWhoWait) {
  const Numbers y(1);
  const Pinned seen(0.0f);
  const cuda::Event event = cuda::create_event();
  faults::add(one, 1.0f, y);
  cuda::record(event, one);
  cuda::wait(two, event);
  faults::add(one, 1.0f, y);
  cuda::record(event, one);
  cuda::copy_to_host_async(two, y.view(), seen.memory);
  cuda::synchronize(two);
  EXPECT_EQ(*seen.memory, 1.0f);
  ASSERT_EQ(cudaEventSynchronize(event), cudaSuccess);
  EXPECT_EQ(y.get()[0], 2.0f);
  cuda::destroy_event(event);
}

TEST_F(Streams, PinnedMemoryIsReadWhenTheStreamGetsThere) {
  const Numbers y(1);
  const Pinned source(1.0f);
  cuda::copy_from_host_async(one, source.memory, y.view());
  *source.memory = 2.0f;
  cuda::synchronize(one);
  EXPECT_EQ(y.get()[0], 2.0f) << "overwritten before the copy ran";
  float ordinary = 3.0f;
  cuda::copy_from_host(one, &ordinary, y.view());
  ordinary = 4.0f;
  cuda::synchronize(one);
  EXPECT_EQ(y.get()[0], 3.0f) << "ordinary memory is read during the call";
}

TEST_F(Streams, MemoryFreedBeforeTheStreamGetsThere) {
  for (const int use : {0, 1, 2}) {
    View y{cuda::allocate(4), DType::f32, {1, 1, 1, 1}};
    const Pinned host(0.0f);
    const std::string fault = fault_of([&] {
      if (use == 0) faults::add(one, 1.0f, y.as<float>());
      if (use == 1) cuda::copy_to_host_async(one, y, host.memory);
      if (use == 2) cuda::zero(one, y);
      cuda::release(y.data);
    });
    expect_says(fault, "freed before the stream got there");
  }
}

TEST_F(Streams, CopiesBeyondABlock) {
  const Numbers x(4), y(3);
  View longer = y.view();
  longer.dims[3] = 4;
  EXPECT_THROW(cuda::copy(one, x.view(), longer), RunFailed);
  EXPECT_THROW(cuda::zero(one, longer), RunFailed);
  float host[4] = {};
  EXPECT_THROW(cuda::copy(one, x.view(), View{host, DType::f32, {1, 1, 1, 4}}), RunFailed) << "to host memory";
}

TEST_F(Streams, TwoHostThreads) {
  const auto work = [](float a) {
    const Stream stream = cuda::create_stream();
    const Numbers y(1);
    for (int i = 0; i < 50; ++i) faults::add(stream, a, y);
    cuda::synchronize(stream);
    EXPECT_EQ(y.get()[0], 50 * a);
    cuda::destroy_stream(stream);
  };
  std::thread first(work, 1.0f), second(work, 2.0f);
  first.join();
  second.join();
}

TEST_F(Streams, TheNthCallFails) {
  cuda::emulator::fail_call(2, "cudaMalloc");
  void* first = cuda::allocate(4);
  EXPECT_THROW(cuda::allocate(4), RunFailed);
  EXPECT_TRUE(cuda::emulator::call_failed());
  cuda::release(cuda::allocate(4));
  cuda::release(first);
  cuda::emulator::fail_call(1);
  EXPECT_THROW(cuda::synchronize(one), RunFailed);
  cuda::emulator::fail_call(1, "cudaLaunchKernelExC");
  EXPECT_THROW(faults::launch_empty(one, 1, 1), RunFailed);
}

TEST_F(Streams, Counts) {
  const Counts before = cuda::emulator::counts();
  const Numbers y(1);
  faults::add(one, 1.0f, y);
  cuda::synchronize(one);
  const Counts after = cuda::emulator::counts();
  EXPECT_EQ(after.allocations - before.allocations, 1);
  EXPECT_EQ(after.launches - before.launches, 1);
  EXPECT_EQ(after.kernels - before.kernels, 1);
  EXPECT_GE(after.synchronizations - before.synchronizations, 1);
  EXPECT_EQ(after.device_bytes - before.device_bytes, 4);
}

}  // namespace
}  // namespace skein
