// Fault detection in captures and their replay. Every fault here is planted.
#include <thread>

#include "tests/emulator/planted.h"

namespace skein {
namespace {

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

// Captures two streams that each add one; stream two waits for stream one.
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

// Stream one adds twice to a number; stream two copies it, and must wait for the second addition.
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

}  // namespace
}  // namespace skein
