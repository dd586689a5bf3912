// The emulator finds what it is there to find: every fault here is planted.
#include "kernels/emulator/emulator.h"

#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "kernels/check.h"
#include "kernels/emulator/sanitizer.h"
#include "kernels/runtime.h"
#include "tests/emulator/faults.h"

namespace skein {
namespace {

using cuda::emulator::Counts;

constexpr int64_t kThreads = faults::kThreads;
const std::vector<uint64_t> kSeeds = {0, 1, 2, 3, 4, 5};

// Numbers on the device.
class Numbers {
 public:
  explicit Numbers(std::vector<float> values)
      : view_{cuda::allocate(values.size() * 4), DType::f32, {1, 1, 1, int64_t(values.size())}} {
    cuda::copy_from_host(nullptr, values.data(), view_);
  }
  explicit Numbers(size_t n, float value = 0.0f) : Numbers(std::vector<float>(n, value)) {}
  ~Numbers() { cuda::release(view_.data); }
  Numbers(const Numbers&) = delete;

  operator float*() const { return view_.as<float>(); }
  View view() const { return view_; }
  std::vector<float> get() const {
    std::vector<float> values(size_t(view_.numel()));
    cuda::copy_to_host(nullptr, view_, values.data());
    return values;
  }

 private:
  View view_;
};

std::vector<float> counting(size_t n) {
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = float(i);
  return values;
}

class Emulator : public testing::Test {
 protected:
  void TearDown() override {
    cuda::emulator::reset();
    cuda::emulator::set_seed(0);
  }
};

// The fault that running this leads to.
template <class F>
std::string fault_of(F launch) {
  launch();
  EXPECT_THROW(cuda::synchronize(nullptr), RunFailed);
  const std::string fault = cuda::emulator::fault();
  EXPECT_THROW(cuda::synchronize(nullptr), RunFailed) << "the device has crashed for good";
  cuda::emulator::reset();
  return fault;
}

void expect_says(const std::string& text, const std::string& words) {
  EXPECT_PRED_FORMAT2(testing::IsSubstring, words, text);
}

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

class Streams : public Emulator {
 protected:
  void SetUp() override {
    before_ = cuda::emulator::counts();
    one = cuda::create_stream();
    two = cuda::create_stream();
  }
  void TearDown() override {
    cuda::destroy_stream(one);
    cuda::destroy_stream(two);
    Emulator::TearDown();
    const Counts after = cuda::emulator::counts();
    EXPECT_EQ(after.streams, before_.streams);
    EXPECT_EQ(after.events, before_.events);
    EXPECT_EQ(after.graphs, before_.graphs);
    EXPECT_EQ(after.executable_graphs, before_.executable_graphs);
    EXPECT_EQ(after.device_blocks, before_.device_blocks);
    EXPECT_EQ(after.pinned_blocks, before_.pinned_blocks);
  }

  Stream one = nullptr, two = nullptr;

 private:
  Counts before_;
};

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
  cuda::synchronize_event(event);
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

class Graphs : public Streams {
 protected:
  template <class F>
  cuda::Graph capture(F body) {
    cuda::begin_capture(one);
    body();
    return cuda::end_capture(one);
  }
};

TEST_F(Graphs, ReplayDoesTheWorkAgain) {
  const Numbers y(1);
  const cuda::Graph graph = capture([&] { faults::add(one, 1.0f, y); });
  EXPECT_EQ(y.get()[0], 0.0f) << "a capture does nothing";
  for (int i = 0; i < 3; ++i) cuda::launch_graph(graph, two);
  cuda::synchronize(two);
  EXPECT_EQ(y.get()[0], 3.0f);
  cuda::destroy_graph(graph);
}

TEST_F(Graphs, StaleScalar) {
  const Numbers by_value(1), by_pointer(1), rate(1, 1.0f);
  float a = 1.0f;
  const cuda::Graph graph = capture([&] {
    faults::add(one, a, by_value);
    faults::copy(one, rate, by_pointer, 0);
  });
  a = 2.0f;
  cuda::copy_from_host(nullptr, &a, rate.view());
  cuda::launch_graph(graph, one);
  cuda::synchronize(one);
  EXPECT_EQ(by_value.get()[0], 1.0f) << "the value at the time of the capture";
  EXPECT_EQ(by_pointer.get()[0], 2.0f);
  cuda::destroy_graph(graph);
}

TEST_F(Graphs, WhatACaptureForbids) {
  const Numbers y(1);
  float host = 0;
  const std::vector<std::function<void()>> forbidden = {
      [] { cuda::allocate(4); },
      [] { cuda::allocate_pinned(4); },
      [&] { cuda::synchronize(one); },
      [] { cuda::synchronize(nullptr); },
      [&] { cuda::copy_to_host(one, y.view(), &host); },
      [&] { cuda::copy_from_host(one, &host, y.view()); },
  };
  for (size_t i = 0; i < forbidden.size(); ++i) {
    SCOPED_TRACE(i);
    cuda::begin_capture(one);
    EXPECT_THROW(forbidden[i](), RunFailed);
    EXPECT_THROW(cuda::end_capture(one), RunFailed) << "the capture is lost";
    faults::add(one, 1.0f, y);  // an ordinary stream again
    cuda::synchronize(one);
  }
  EXPECT_EQ(y.get()[0], float(forbidden.size()));
}

TEST_F(Graphs, OtherThreadsMayAllocateMeanwhile) {
  cuda::begin_capture(one);
  std::thread([] { cuda::release(cuda::allocate(4)); }).join();
  cuda::destroy_graph(cuda::end_capture(one));
}

// Both streams add one, stream two after stream one.
cuda::Graph fork(Stream one, Stream two, float* y, bool join) {
  const cuda::Event event = cuda::create_event();
  cuda::begin_capture(one);
  faults::add(one, 1.0f, y);
  cuda::record(event, one);
  cuda::wait(two, event);
  faults::add(two, 1.0f, y);
  cuda::record(event, two);
  if (join) cuda::wait(one, event);
  cuda::destroy_event(event);
  return cuda::end_capture(one);
}

TEST_F(Graphs, StreamsThatJoinACapture) {
  for (const uint64_t seed : kSeeds) {
    cuda::emulator::set_seed(seed);
    const Numbers y(1);
    const cuda::Graph graph = fork(one, two, y, true);
    cuda::launch_graph(graph, one);
    cuda::launch_graph(graph, one);
    cuda::synchronize(one);
    EXPECT_EQ(y.get()[0], 4.0f);
    cuda::destroy_graph(graph);
  }
}

TEST_F(Graphs, StreamThatIsNotJoinedBack) {
  const Numbers y(1);
  EXPECT_THROW(fork(one, two, y, false), RunFailed);
}

// Two streams of a graph read and write one number: 1 + 1, then copied, on another stream than the second addition.
TEST_F(Graphs, MissingWaitBetweenBranches) {
  for (const bool wait : {true, false}) {
    std::vector<float> seen;
    for (const uint64_t seed : {0, 1}) {
      cuda::emulator::set_seed(seed);
      const Numbers x(1), y(1);
      const cuda::Event fork = cuda::create_event(), join = cuda::create_event();
      const cuda::Graph graph = capture([&] {
        faults::add(one, 1.0f, x);
        cuda::record(fork, one);
        cuda::wait(two, fork);
        faults::add(one, 1.0f, x);
        if (wait) {
          cuda::record(fork, one);
          cuda::wait(two, fork);
        }
        faults::copy(two, x, y, 0);
        cuda::record(join, two);
        cuda::wait(one, join);
      });
      cuda::launch_graph(graph, one);
      cuda::synchronize(one);
      seen.push_back(y.get()[0]);
      cuda::destroy_graph(graph);
      cuda::destroy_event(fork);
      cuda::destroy_event(join);
    }
    EXPECT_EQ(seen, wait ? std::vector<float>({2, 2}) : std::vector<float>({2, 1}));
  }
}

TEST_F(Graphs, EventFromOutsideACapture) {
  const cuda::Event event = cuda::create_event();
  cuda::record(event, two);
  cuda::begin_capture(one);
  EXPECT_THROW(cuda::wait(one, event), RunFailed);
  cuda::cancel_capture(one);
  cuda::destroy_event(event);
}

TEST_F(Graphs, MemoryFreedBeforeTheReplay) {
  View y{cuda::allocate(4), DType::f32, {1, 1, 1, 1}};
  const cuda::Graph graph = capture([&] { faults::add(one, 1.0f, y.as<float>()); });
  cuda::release(y.data);
  expect_says(fault_of([&] { cuda::launch_graph(graph, one); }), "is no device memory, or was freed");
  cuda::destroy_graph(graph);
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
