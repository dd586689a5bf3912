// The thread communicator: exact sums in rank order, every operation, split, traffic, and the ends.
#include <gtest/gtest.h>
#include <omp.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <thread>

#include "comm/process_group.h"
#include "comm/shards.h"
#include "comm/transports/thread_communicator.h"
#include "tests/support/communicator_script.h"

namespace skein::testing {
namespace {

using Body = std::function<void(Communicator&)>;

// body on every rank; returns what each rank's exception said, empty where there was none.
std::vector<std::string> errors_on_ranks(int size, const Body& body, ThreadGroup* group = nullptr) {
  ThreadGroup own(size);
  if (!group) group = &own;
  std::vector<std::string> errors(static_cast<size_t>(size));
  std::vector<std::thread> threads;
  for (int r = 0; r < size; ++r)
    threads.emplace_back([&, r] {
      omp_set_num_threads(1);
      const auto c = group->join(r);
      try {
        body(*c);
      } catch (const PeerLost& e) {
        errors[size_t(r)] = std::string("lost: ") + e.what();
      } catch (const std::exception& e) {
        errors[size_t(r)] = e.what();
      }
    });
  for (std::thread& t : threads) t.join();
  return errors;
}

void run_ranks(int size, const Body& body) {
  for (const std::string& error : errors_on_ranks(size, body)) EXPECT_EQ(error, "");
}

std::vector<float> sum_in_rank_order(int64_t n, int ranks, float scale) {
  std::vector<float> sum = contribution(n, 0);
  for (int r = 1; r < ranks; ++r) {
    const std::vector<float> x = contribution(n, r);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += x[i];
  }
  for (float& s : sum) s *= scale;
  return sum;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

class ThreadCommunicatorTest : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(K, ThreadCommunicatorTest, ::testing::Values(1, 2, 3, 4, 7));

TEST_P(ThreadCommunicatorTest, SumIsInRankOrderToTheBit) {
  const int size = GetParam();
  for (const float scale : {1.0f, 1.0f / float(size)})
    run_ranks(size, [&](Communicator& c) {
      for (const int64_t n : kSizes) {
        std::vector<float> x = contribution(n, c.rank());
        c.all_reduce(view_of(x), scale);
        EXPECT_TRUE(same_bits(x, sum_in_rank_order(n, size, scale))) << n << " elements on rank " << c.rank();
      }
    });
}

TEST_P(ThreadCommunicatorTest, AllGatherAndAllToAll) {
  const int size = GetParam();
  run_ranks(size, [&](Communicator& c) {
    for (const int n : {0, 1, 5, 3001}) {
      const auto byte = [](int rank, int i) { return uint8_t(rank * 37 + i * 11); };
      std::vector<uint8_t> mine, all(size_t(n * size)), to, from(size_t(n * size));
      for (int i = 0; i < n; ++i) mine.push_back(byte(c.rank(), i));
      c.all_gather(view_of(mine), view_of(all));
      for (int i = 0; i < n * size; ++i) ASSERT_EQ(all[size_t(i)], byte(i / std::max(n, 1), i % n));
      for (int i = 0; i < n * size; ++i) to.push_back(byte(c.rank(), i));
      c.all_to_all(view_of(to), view_of(from));
      for (int i = 0; i < n * size; ++i) ASSERT_EQ(from[size_t(i)], byte(i / n, c.rank() * n + i % n));
    }
  });
}

TEST_P(ThreadCommunicatorTest, TrafficIsThatOfTheIdealAlgorithm) {
  const int size = GetParam(), others = size - 1;
  const int64_t n = 840;  // every K of the test divides it
  run_ranks(size, [&](Communicator& c) {
    auto sent = [&, before = Traffic{}](int64_t bytes, int64_t rounds = 1) mutable {
      const Traffic now = c.traffic();
      EXPECT_EQ(now.bytes - before.bytes, bytes);
      EXPECT_EQ(now.rounds - before.rounds, size == 1 ? 0 : rounds);
      before = now;
    };
    std::vector<float> x(static_cast<size_t>(n)), y(static_cast<size_t>(n)), all(size_t(n * size));
    c.all_reduce(view_of(x)), sent(2 * others * n * 4 / size, 2);
    c.all_gather(view_of(x), view_of(all)), sent(others * n * 4);
    c.all_to_all(view_of(x), view_of(y)), sent(others * n * 4 / size);
    const Traffic before = c.traffic();
    c.barrier();
    c.split(0)->all_reduce(view_of(x));
    EXPECT_EQ(c.traffic().bytes, before.bytes) << "a barrier and a split communicator's calls";
  });
}

TEST(ThreadCommunicator, SplitsNest) {
  run_ranks(12, [](Communicator& world) {
    const auto third = world.split(world.rank() % 3 + 5);
    EXPECT_EQ(third->size(), 4);
    EXPECT_EQ(third->rank(), world.rank() / 3);
    const auto pair = third->split(third->rank() / 2);
    EXPECT_EQ(pair->size(), 2);
    for (int round = 0; round < 50; ++round) {
      std::vector<float> x = {float(world.rank())};
      pair->all_reduce(view_of(x));
      const int first = world.rank() % 3 + third->rank() / 2 * 6;
      EXPECT_EQ(x[0], float(first + first + 3));
      third->all_reduce(view_of(x));
      EXPECT_EQ(x[0], float(2 * (4 * (world.rank() % 3) + 18)));
      world.all_reduce(view_of(x));
      EXPECT_EQ(x[0], float(2 * 4 * (4 * (0 + 1 + 2) + 3 * 18)));
      EXPECT_EQ(world.split(world.rank())->size(), 1);
    }
  });
}

TEST(ThreadCommunicator, AbortReleasesTheOthersInSplitsToo) {
  ThreadGroup group(5);
  const auto start = std::chrono::steady_clock::now();
  const auto errors = errors_on_ranks(
      5,
      [&](Communicator& world) {
        const auto half = world.split(world.rank() % 2);
        if (world.rank() == 3) {
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
          group.abort(3, "disk full");
          throw std::runtime_error("disk full");
        }
        std::vector<float> x(10);
        (world.rank() == 1 ? *half : world).all_reduce(view_of(x));
      },
      &group);
  for (const int r : {0, 1, 2, 4}) EXPECT_EQ(errors[size_t(r)], "lost: worker 3 stopped: disk full");
  EXPECT_EQ(errors[3], "disk full");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  std::vector<float> x(1);
  EXPECT_THROW(group.join(0)->all_reduce(view_of(x)), PeerLost) << "later calls fail as well";
}

TEST(ThreadCommunicator, RankThatLeavesIsNamed) {
  const auto errors = errors_on_ranks(4, [&](Communicator& c) {
    c.barrier();
    if (c.rank() == 2) return;
    c.barrier();
  });
  for (const int r : {0, 1, 3}) EXPECT_EQ(errors[size_t(r)], "lost: worker 2 has left; the others cannot go on");
  EXPECT_EQ(errors[2], "");
}

TEST(ThreadCommunicator, DisagreementIsAnErrorOnEveryRank) {
  auto each = [](const Body& body, const std::string& part) {
    for (const std::string& error : errors_on_ranks(3, body)) EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  each(
      [](Communicator& c) {
        std::vector<float> x(c.rank() == 2 ? 5 : 4);
        c.all_reduce(view_of(x));
      },
      "all_reduce: rank 0 has 16 bytes, rank 2 20");
  each(
      [](Communicator& c) {
        std::vector<float> x(4);
        if (c.rank() == 1) return c.barrier();
        c.all_reduce(view_of(x));
      },
      "rank 0 calls all_reduce, rank 1 calls barrier");
}

// The base checks the arguments, once for all transports.
TEST(Communicator, ArgumentsThatDoNotFitAreRefused) {
  const auto alone = ThreadGroup(1).join(0);
  std::vector<float> four(4), five(5);
  std::vector<uint8_t> bytes(4);
  EXPECT_THROW(alone->all_reduce(view_of(bytes)), std::logic_error);
  EXPECT_THROW(alone->all_gather(view_of(four), view_of(five)), std::logic_error);
  EXPECT_THROW(alone->all_gather(view_of(bytes), view_of(four)), std::logic_error);
  EXPECT_THROW(alone->all_to_all(view_of(four), view_of(five)), std::logic_error);
  const auto errors = errors_on_ranks(2, [](Communicator& c) {
    std::vector<float> sent(5), received(5);
    c.all_to_all(view_of(sent), view_of(received));
  });
  for (const std::string& e : errors)
    EXPECT_NE(e.find("all_to_all of 5 elements into 5 among 2 ranks"), std::string::npos) << e;
}

TEST(ThreadCommunicator, ManyWorkersManyRounds) {
  run_ranks(16, [](Communicator& c) {
    for (int i = 1; i <= 200; ++i) {
      std::vector<float> x(33, float(i * c.rank()));
      c.all_reduce(view_of(x));
      ASSERT_EQ(x[32], float(i * 120));
    }
  });
}

TEST(Shards, CoverTheVectorOnce) {
  for (const int ranks : {1, 2, 3, 7, 16})
    for (const int64_t n : {int64_t{0}, int64_t{5}, int64_t{1000}, int64_t{3} << 33}) {
      EXPECT_EQ(shard(n, 0, ranks).begin, 0);
      EXPECT_EQ(shard(n, ranks - 1, ranks).end, n);
      for (int r = 1; r < ranks; ++r) EXPECT_EQ(shard(n, r, ranks).begin, shard(n, r - 1, ranks).end);
    }
}

TEST(ThreadGroup, AWaitThatNobodyWorksInEndsAndNamesTheMissing) {
  ::testing::internal::CaptureStderr();
  ThreadGroup group(3, 0.25, 0.05);
  std::vector<std::string> errors(2);
  std::vector<std::thread> threads;
  const auto absent = group.join(2);
  for (int r = 0; r < 2; ++r)
    threads.emplace_back([&, r] {
      try {
        std::vector<float> x(10);
        group.join(r)->all_reduce(view_of(x));
      } catch (const PeerLost& e) {
        errors[size_t(r)] = e.what();
      }
    });
  for (std::thread& t : threads) t.join();
  const std::string said = ::testing::internal::GetCapturedStderr();
  for (const std::string& e : errors) {
    EXPECT_NE(e.find("no worker has done anything for 0.25 s"), std::string::npos) << e;
    EXPECT_NE(e.find("in all_reduce of 40 bytes for worker 2"), std::string::npos) << e;
  }
  EXPECT_NE(said.find("in all_reduce of 40 bytes for worker"), std::string::npos) << said;
}

TEST(ProcessGroup, ATextOfAnAbsurdLengthIsRefused) {
  ThreadGroup threads(2);
  std::thread liar([&] {
    ProcessGroup group(threads.join(1));
    const int64_t length = 6'000'000'000;
    group.all_gather<int64_t>(std::span(&length, 1));
  });
  ProcessGroup group(threads.join(0));
  EXPECT_THROW(group.all_gather_text("x"), PeerLost);
  liar.join();
}

}  // namespace
}  // namespace skein::testing
