// Workers that are threads of several processes: the bits and the traffic of as many threads of one.
#include <gtest/gtest.h>
#include <omp.h>

#include <functional>
#include <span>
#include <thread>

#include "base/check.h"
#include "comm/transports/thread_communicator.h"
#include "comm/worker_communicators.h"
#include "engine/tensor.h"
#include "local_sgd/worker_mean.h"
#include "tests/support/communicator_script.h"

namespace skein::testing {
namespace {

using Body = std::function<void(Communicator&)>;

void in_threads(int count, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i)
    threads.emplace_back([&, i] {
      omp_set_num_threads(1);
      body(i);
    });
  for (std::thread& t : threads) t.join();
}

// body as `each` workers in each of so many processes, which are threads here. What each worker's exception said.
std::vector<std::string> on_workers(int processes, int each, const Body& body) {
  std::vector<std::string> errors(size_t(processes * each));
  ThreadGroup between(processes);
  in_threads(processes, [&](int p) {
    ProcessGroup group(between.join(p));
    WorkerCommunicators communicators(group, each);
    in_threads(each, [&](int i) {
      const std::unique_ptr<Communicator> own = communicators.join(i, {});
      try {
        body(*own);
      } catch (const std::exception& e) {
        errors[size_t(p * each + i)] = e.what();
        communicators.abort(i, e.what());
        if (i == 0) between.abort(p, e.what());
      }
    });
  });
  return errors;
}

// Everything that this rank received. Splits: into parts of `part` neighbours.
std::vector<float> script(Communicator& world, int part) {
  std::vector<float> log;
  const auto use = [&](Communicator& c) {
    for (const int64_t n : kSizes) {
      std::vector<float> x = contribution(n, world.rank());
      c.all_reduce(view_of(x), 1.0f / float(c.size()));
      log.insert(log.end(), x.begin(), x.end());
      std::vector<float> mine = contribution(n, world.rank(), 1), all(mine.size() * size_t(c.size()));
      c.all_gather(view_of(mine), view_of(all));
      log.insert(log.end(), all.begin(), all.end());
      std::vector<float> to = contribution(n * c.size(), world.rank(), 2), from(to.size());
      c.all_to_all(view_of(to), view_of(from));
      log.insert(log.end(), from.begin(), from.end());
      c.barrier();
    }
    for (const int64_t number : {int64_t(c.rank()), int64_t(c.size()), c.traffic().bytes, c.traffic().rounds})
      log.push_back(float(number));
  };
  use(world);
  use(*world.split(world.rank() / part));
  use(world);
  return log;
}

struct Shape {
  int processes, each, part;
};

TEST(Nested, DoesWhatThreadsOfOneProcessDoToTheBit) {
  for (const Shape s : {Shape{2, 2, 2}, {2, 3, 6}, {4, 2, 4}, {2, 4, 2}, {3, 1, 1}}) {
    const int workers = s.processes * s.each;
    std::vector<std::vector<float>> expected(static_cast<size_t>(workers)), actual(expected.size());
    ThreadGroup group(workers);
    in_threads(workers, [&](int r) { expected[size_t(r)] = script(*group.join(r), s.part); });
    for (const std::string& e :
         on_workers(s.processes, s.each, [&](Communicator& c) { actual[size_t(c.rank())] = script(c, s.part); }))
      EXPECT_EQ(e, "");
    for (int r = 0; r < workers; ++r)
      EXPECT_EQ(actual[size_t(r)], expected[size_t(r)]) << s.processes << " processes, rank " << r;
  }
}

TEST(Nested, APartOfSomeProcessesThreadsIsRefused) {
  for (const std::string& e : on_workers(2, 2, [](Communicator& c) { c.split(c.rank() % 2); }))
    EXPECT_NE(e.find("ranks 0 and 1 are threads of one process and not of one part"), std::string::npos) << e;
}

TEST(Nested, AWorkerThatFailsEndsTheOthersCalls) {
  for (const int failing : {0, 1}) {
    const auto errors = on_workers(2, 2, [&](Communicator& c) {
      if (c.rank() == failing) throw RunFailed("the disk is full");
      std::vector<float> x(100);
      c.all_reduce(view_of(x));
    });
    for (int r = 0; r < 2; ++r) EXPECT_NE(errors[size_t(r)].find("the disk is full"), std::string::npos) << r;
  }
}

TEST(Nested, MeanOverTheWorkersOfSeveralProcesses) {
  constexpr int kProcesses = 3, kEach = 2, kWorkers = kProcesses * kEach;
  constexpr int64_t kNumbers = 1001;
  ProcessGroup alone;
  std::vector<Tensor> all;
  std::vector<View> views;
  for (int r = 0; r < kWorkers; ++r) all.push_back(Tensor::from(Device::cpu, contribution(kNumbers, r), {kNumbers}));
  for (const Tensor& t : all) views.push_back(t);
  const Tensor expected = Tensor::empty(Device::cpu, DType::f32, {kNumbers});
  mean_over_workers(views, expected, alone.communicator(), {});
  ThreadGroup between(kProcesses);
  in_threads(kProcesses, [&](int p) {
    ProcessGroup group(between.join(p));
    const Tensor mean = Tensor::empty(Device::cpu, DType::f32, {kNumbers});
    mean_over_workers(std::span(views).subspan(size_t(p * kEach), kEach), mean, group.communicator(), {});
    EXPECT_EQ(mean.to_vector(), expected.to_vector());
  });
}

}  // namespace
}  // namespace skein::testing
