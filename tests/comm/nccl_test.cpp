// NCCL through a stand-in (tests/standin/nccl.cpp), ranks as threads on the emulated GPU: the same bits and the same
// traffic as the thread communicator, and every failing call an error that frees what was made.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <omp.h>

#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>

#include "apps/bench/bench.h"
#include "comm/transports/nccl_communicator.h"
#include "comm/transports/tcp_communicator.h"
#include "comm/transports/thread_communicator.h"
#include "engine/tensor.h"
#include "tests/support/communicator_script.h"
#include "tests/support/start_processes.h"
#include "tests/support/training_grid.h"

namespace skein::testing {
namespace {

constexpr int kRanks = 4;

class Nccl : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* const path = std::getenv("SKEIN_NCCL");
    if (!cuda::available() || !path) GTEST_SKIP() << "needs the emulated GPU and SKEIN_NCCL, the stand-in's path";
    library_ = dlopen(path, RTLD_NOW);
    ASSERT_NE(library_, nullptr) << dlerror();
    if (!dlsym(library_, "skein_nccl_live")) GTEST_SKIP() << path << " is not the stand-in";
  }

  template <class F>
  F* control(const char* name) const {
    return reinterpret_cast<F*>(dlsym(library_, name));
  }
  int live() const { return control<int()>("skein_nccl_live")(); }

  using Body = std::function<void(Communicator&, Queue)>;

  // body on every rank; what each rank's exception said, empty where there was none.
  static std::vector<std::string> on_ranks(const Body& body, NcclOptions options = {}) {
    const NcclApi& api = nccl_library();
    std::vector<std::string> errors(kRanks);
    NcclId id;
    try {
      id = make_nccl_id(api);
    } catch (const std::exception& e) {
      return {e.what()};
    }
    std::vector<std::thread> threads;
    for (int r = 0; r < kRanks; ++r)
      threads.emplace_back([&, r] {
        omp_set_num_threads(1);
        const Queue queue{Device::cuda, cuda::create_stream()};
        try {
          const auto c = join_nccl(api, id, r, kRanks, queue, options);
          body(*c, queue);
        } catch (const std::exception& e) {
          errors[size_t(r)] = e.what();
        }
        cuda::destroy_stream(queue.stream);
      });
    for (std::thread& t : threads) t.join();
    return errors;
  }

 private:
  void* library_ = nullptr;
};

TEST_F(Nccl, DoesWhatThreadsDoToTheBit) {
  std::vector<std::vector<float>> expected(kRanks), actual(kRanks);
  ThreadGroup group(kRanks);
  std::vector<std::thread> threads;
  for (int r = 0; r < kRanks; ++r)
    threads.emplace_back([&, r] {
      omp_set_num_threads(1);
      expected[size_t(r)] = run_script(*group.join(r));
    });
  for (std::thread& t : threads) t.join();
  for (const std::string& e : on_ranks([&](Communicator&c, Queue) { actual[size_t(c.rank())] = run_script(c); }))
    EXPECT_EQ(e, "");
  for (int r = 0; r < kRanks; ++r) EXPECT_EQ(actual[size_t(r)], expected[size_t(r)]) << "rank " << r;
  EXPECT_EQ(live(), 0);
}

TEST_F(Nccl, IsMeasuredBesideTheLibrarysOwn) {
  CommBench o;
  o.sizes = "1KB";
  o.repetitions = 1;
  o.json = true;
  std::vector<std::vector<BenchCase>> cases(kRanks);
  const auto errors =
      on_ranks([&](Communicator& c, Queue queue) { cases[size_t(c.rank())] = bench_collectives(c, o, "nccl", queue); });
  for (const std::string& e : errors) EXPECT_EQ(e, "");
  for (const auto& of_rank : cases) {
    std::string names;
    for (const BenchCase& c : of_rank) names += c.name + " ";
    EXPECT_EQ(names, "nccl/all_reduce/1024 nccl/ncclAllReduce/1024 nccl/all_gather/1024 nccl/all_to_all/1024 ");
  }
  EXPECT_EQ(live(), 0);
}

// Processes as torchrun starts them: they meet over TCP, and models then travel over NCCL.
TEST_F(Nccl, TrainsInAJobOverTcpToTheBitsOfThreads) {
  TrainConfig config = all_configurations().front();
  config.workers = 2;
  config.device = DeviceChoice::cuda;
  config.sync = "local:H=2";
  config.compress = "ef-sign";
  Splits data = open_dataset("synthetic", dataset_options(config));
  for (Dataset* part : {&data.train, &data.test}) make_resident(*part);
  ProcessGroup alone;
  const std::map<int64_t, uint64_t> expected = train_to_hashes(alone, config, data);
  const Rendezvous rendezvous{"127.0.0.1", free_port()};
  std::map<int64_t, uint64_t> actual;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int r = 0; r < 2; ++r)
    threads.emplace_back([&, r] {
      omp_set_num_threads(1);
      ProcessGroup group(join_tcp(rendezvous, r, 2));
      const auto own = train_to_hashes(group, config, data);
      const std::lock_guard lock(mutex);
      actual.insert(own.begin(), own.end());
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(actual, expected);
  EXPECT_EQ(live(), 0);
}

TEST_F(Nccl, SumsWhatIsOnTheGpuAfterTheWorkBeforeIt) {
  const auto errors = on_ranks([](Communicator& c, Queue q) {
    const std::vector<float> mine = contribution(1001, c.rank());
    const Tensor x = Tensor::from(Device::cuda, mine, {1001}), y = Tensor::empty(Device::cuda, DType::f32, {1001});
    cuda::copy(q.stream, x, y);
    c.all_reduce(y, 0.25f);
    std::vector<float> expected = contribution(1001, 0);
    for (int r = 1; r < kRanks; ++r)
      for (size_t i = 0; i < expected.size(); ++i) expected[i] += contribution(1001, r)[i];
    for (float& e : expected) e *= 0.25f;
    std::vector<float> sum(1001);
    cuda::copy_to_host(q.stream, y, sum.data());
    EXPECT_EQ(sum, expected);
  });
  for (const std::string& e : errors) EXPECT_EQ(e, "");
}

TEST_F(Nccl, EveryFailingCallIsAnErrorThatFreesEverything) {
  const auto body = [](Communicator& c, Queue) {
    std::vector<float> x = contribution(64, c.rank()), y(64), all(64 * kRanks);
    c.all_reduce(view_of(x));
    c.all_gather(view_of(x), view_of(all));
    c.all_to_all(view_of(x), view_of(y));
    c.split(c.rank() % 2)->all_reduce(view_of(x));
  };
  control<void(int)>("skein_nccl_fail_call")(0);
  on_ranks(body);
  const int calls = control<int()>("skein_nccl_calls")();
  ASSERT_GT(calls, 40);
  for (int n = 1; n <= calls; n += n < 8 ? 1 : 5) {
    control<void(int)>("skein_nccl_fail_call")(n);
    const auto errors = on_ranks(body);
    EXPECT_TRUE(std::any_of(errors.begin(), errors.end(),
                            [](const std::string& e) { return e.find("planted fault") != std::string::npos; }))
        << "call " << n;
    EXPECT_EQ(live(), 0) << "call " << n;
  }
  control<void(int)>("skein_nccl_fail_call")(0);
}

TEST_F(Nccl, ARankThatDoesNotComeIsATimeout) {
  control<void(bool)>("skein_nccl_stuck")(true);
  const auto errors = on_ranks([](Communicator&, Queue) {}, {0.05});
  control<void(bool)>("skein_nccl_stuck")(false);
  for (const std::string& e : errors) EXPECT_NE(e.find("is not done after 0.05 seconds"), std::string::npos) << e;
  EXPECT_EQ(live(), 0);
}

// ncclCommGetAsyncError tells of a rank that has died, while this one waits: no call fails.
TEST_F(Nccl, ARankThatDiesMeanwhileIsAnErrorOfTheOthers) {
  control<void(bool)>("skein_nccl_broken")(true);
  const auto errors = on_ranks([](Communicator&, Queue) {});
  control<void(bool)>("skein_nccl_broken")(false);
  for (const std::string& e : errors)
    EXPECT_NE(e.find("ncclCommInitRankConfig failed: remote process exited"), std::string::npos) << e;
  EXPECT_EQ(live(), 0);
}

}  // namespace
}  // namespace skein::testing
