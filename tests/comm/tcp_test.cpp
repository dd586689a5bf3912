// Ranks over TCP, as threads that play processes: the bits of the other transports, how they meet, and what is said of
// a rank that is missing, ends, is silent or calls otherwise.
#include <gtest/gtest.h>
#include <omp.h>
#include <unistd.h>

#include <latch>
#include <map>
#include <thread>

#include "base/check.h"
#include "comm/process_group.h"
#include "comm/transports/tcp_communicator.h"
#include "comm/transports/thread_communicator.h"
#include "tests/support/communicator_script.h"
#include "tests/support/start_processes.h"

namespace skein::testing {
namespace {

const TcpOptions kSmall = {.rendezvous_timeout = 20, .timeout = 60, .piece = 1000};  // small data make many pieces

using Body = std::function<void(Communicator&)>;

// Joins with rank `rank` on a thread of its own and calls body; what came out of it, empty where nothing was thrown.
std::thread start_rank(const Rendezvous& rendezvous, int rank, int size, TcpOptions options, std::string& error,
                       const Body& body) {
  return std::thread([=, &error] {
    omp_set_num_threads(1);
    try {
      body(*join_tcp(rendezvous, rank, size, options));
    } catch (const std::exception& e) {
      error = e.what();
    }
  });
}

std::vector<std::string> on_tcp_ranks(int size, const Body& body, TcpOptions options = kSmall,
                                      const std::string& host = "127.0.0.1") {
  const Rendezvous rendezvous{host, free_port()};
  std::vector<std::string> errors(static_cast<size_t>(size));
  std::vector<std::thread> threads;
  for (int r = 0; r < size; ++r)  // rank 0 last: the others wait for it
    threads.push_back(start_rank(rendezvous, size - 1 - r, size, options, errors[size_t(size - 1 - r)], body));
  for (std::thread& t : threads) t.join();
  return errors;
}

TEST(Tcp, RanksGetTheBitsAndTrafficOfThreads) {
  for (const int size : {2, 3, 4}) {
    std::vector<std::vector<float>> expected(static_cast<size_t>(size)), actual = expected;
    ThreadGroup group(size);
    std::vector<std::thread> threads;
    for (int r = 0; r < size; ++r)
      threads.emplace_back([&, r] {
        omp_set_num_threads(1);
        expected[size_t(r)] = run_script(*group.join(r));
      });
    for (std::thread& t : threads) t.join();
    for (const std::string& e : on_tcp_ranks(size, [&](Communicator& c) { actual[size_t(c.rank())] = run_script(c); }))
      EXPECT_EQ(e, "");
    for (int r = 0; r < size; ++r) EXPECT_EQ(actual[size_t(r)], expected[size_t(r)]) << "rank " << r << " of " << size;
  }
}

TEST(Tcp, MoreThanTheSocketsHold) {
  constexpr size_t kNumbers = 3'000'000;
  const auto body = [](Communicator& c) {
    std::vector<float> mine(kNumbers), all(kNumbers * size_t(c.size()));
    for (size_t i = 0; i < kNumbers; ++i) mine[i] = float(i) + 0.25f * float(c.rank());
    c.all_gather(view_of(mine), view_of(all));
    for (size_t i = 0; i < all.size(); i += 999)
      CHECK(all[i] == float(i % kNumbers) + 0.25f * float(i / kNumbers), "number {} is {}", i, all[i]);
  };
  EXPECT_EQ(on_tcp_ranks(3, body, kSmall, "localhost"), std::vector<std::string>(3));
}

TEST(Tcp, ARankThatEndsIsNamed) {
  const auto errors = on_tcp_ranks(4, [](Communicator& c) {
    std::vector<float> x(10);
    c.all_reduce(view_of(x));
    if (c.rank() == 2) return;
    c.all_reduce(view_of(x));
  });
  EXPECT_EQ(errors[2], "");
  for (const int r : {0, 1, 3}) EXPECT_NE(errors[size_t(r)].find("has ended"), std::string::npos) << errors[size_t(r)];
}

// Rank 1 comes late to a call, after late().
std::vector<std::string> on_two_ranks(const TcpOptions& options, const std::function<void()>& late) {
  const auto body = [&](Communicator& c) {
    if (c.rank() == 1) late();
    std::vector<float> x(10);
    c.all_reduce(view_of(x));
  };
  return on_tcp_ranks(2, body, options);
}

void sleep_for(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

void compute_for(double seconds) {
  for (const Deadline end = in_seconds(seconds); std::chrono::steady_clock::now() < end;) continue;
}

TEST(Tcp, ARankThatIsSilentIsNamedWithAllThatIsKnown) {
  ::testing::internal::CaptureStderr();
  const TcpOptions options = {.rendezvous_timeout = 20, .timeout = 0.2, .report_after = 0.05, .heartbeat = 100};
  const std::string error = on_two_ranks(options, [] { sleep_for(0.5); })[0];
  for (const std::string& part : {std::string("rank 1 has not answered for 0.2 s. rank 0 (process "),
                                  std::string("in all_reduce of 40 bytes for rank 1"),
                                  fmt::format("rank 1 (process {} on ", getpid()), std::string("heard 0.2 s ago")})
    EXPECT_NE(error.find(part), std::string::npos) << part << " is not in\n" << error;
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("has waited 0.1 s in all_reduce of 40 bytes for rank 1"), std::string::npos) << said;
  EXPECT_LE(std::count(said.begin(), said.end(), '\n'), 3) << "the intervals grow\n" << said;
}

TEST(Tcp, ARankThatComputesIsWaitedFor) {
  const TcpOptions options = {.rendezvous_timeout = 20, .timeout = 0.1, .heartbeat = 0.02};
  EXPECT_EQ(on_two_ranks(options, [] { compute_for(0.8); }), std::vector<std::string>(2));
}

TEST(Tcp, ARankThatIsThereButDoesNothingIsGivenUpLater) {
  const TcpOptions options = {.rendezvous_timeout = 20, .timeout = 0.05, .heartbeat = 0.01};
  const std::string error = on_two_ranks(options, [] { sleep_for(0.6); })[0];
  EXPECT_NE(error.find("rank 1 is there but has done nothing for 0.3"), std::string::npos) << error;
}

// Heartbeats of both ranks come between the messages of both.
TEST(Tcp, HeartbeatsDoNotChangeWhatIsSent) {
  TcpOptions options = kSmall;
  options.heartbeat = 0.0002;
  std::vector<std::vector<float>> logs(3), quiet = logs;
  for (const std::string& e : on_tcp_ranks(
           3, [&](Communicator& c) { logs[size_t(c.rank())] = run_script(c); }, options))
    EXPECT_EQ(e, "");
  on_tcp_ranks(3, [&](Communicator& c) { quiet[size_t(c.rank())] = run_script(c); });
  EXPECT_EQ(logs, quiet);
}

// body on two ranks, whose streams stay open until both are done: a stream that ends would be the other rank's error.
std::vector<std::string> on_two_ranks_that_stay(const Body& body) {
  std::latch both(2);
  return on_tcp_ranks(2, [&](Communicator& c) {
    try {
      body(c);
    } catch (...) {
      both.arrive_and_wait();
      throw;
    }
    both.arrive_and_wait();
  });
}

void exchange(Communicator& c, size_t numbers) {
  std::vector<float> sent(2 * numbers), received(sent.size());
  c.all_to_all(view_of(sent), view_of(received));
}

TEST(Tcp, OtherCallsAreNoticed) {
  const auto errors = on_two_ranks_that_stay([](Communicator& c) { exchange(c, c.rank() == 0 ? 10 : 12); });
  EXPECT_EQ(errors[0], "rank 1 and rank 0 make different calls: 48 bytes came where 40 were expected");
  EXPECT_EQ(errors[1], "rank 0 and rank 1 make different calls: 40 bytes came where 48 were expected");
  const auto groups = on_two_ranks_that_stay([](Communicator& c) {
    const auto part = c.split(0);
    exchange(c.rank() == 0 ? *part : c, 10);
  });
  for (const std::string& e : groups) EXPECT_NE(e.find("make different calls"), std::string::npos) << e;
}

TEST(Tcp, WhoIsMissingIsNamed) {
  const Rendezvous rendezvous{"127.0.0.1", free_port()};
  std::vector<std::string> errors(4);
  std::vector<std::thread> threads;
  for (const int r : {0, 2})
    threads.push_back(
        start_rank(rendezvous, r, 4, {.rendezvous_timeout = 0.5}, errors[size_t(r)], [](Communicator&) {}));
  for (std::thread& t : threads) t.join();
  EXPECT_NE(errors[0].find("rank 0: of 4 processes ranks 1, 3 did not come to 127.0.0.1:"), std::string::npos)
      << errors[0];
  EXPECT_NE(errors[2].find("has ended or is not rank 0"), std::string::npos) << errors[2];
}

TEST(Tcp, WithoutRankZeroTheOthersSayWhereTheyWaited) {
  const Rendezvous rendezvous{"127.0.0.1", free_port()};
  std::string error;
  start_rank(rendezvous, 1, 2, {.rendezvous_timeout = 0.3}, error, [](Communicator&) {}).join();
  EXPECT_NE(error.find(fmt::format("rank 0 does not listen at 127.0.0.1:{} after 0.3 s", rendezvous.port)),
            std::string::npos)
      << error;
}

TEST(Tcp, APortInUseAndAnUnknownHostAreNamed) {
  const Socket other = Socket::listening(Address::loopback(0));
  const int port = other.own_address().port();
  std::string error;
  start_rank({"127.0.0.1", port}, 0, 2, kSmall, error, [](Communicator&) {}).join();
  EXPECT_NE(error.find(fmt::format("rank 0 cannot listen on port {} (MASTER_PORT)", port)), std::string::npos) << error;
  EXPECT_NE(error.find("Another program has it"), std::string::npos) << error;
  start_rank({"no.such.host.invalid", port}, 0, 2, {.rendezvous_timeout = 0.1}, error, [](Communicator&) {}).join();
  EXPECT_NE(error.find("MASTER_ADDR: there is no host 'no.such.host.invalid'"), std::string::npos) << error;
}

// What a run needs of its processes: texts, the first one's value, a failure that all are told of.
TEST(Tcp, CarriesAJob) {
  const Rendezvous rendezvous{"127.0.0.1", free_port()};
  std::vector<std::thread> threads;
  std::vector<std::string> errors(3);
  for (int r = 0; r < 3; ++r)
    threads.emplace_back([&, r] {
      ProcessGroup group(join_tcp(rendezvous, r, 3, kSmall));
      EXPECT_EQ(group.all_gather_text(std::string(size_t(r), 'x')), (std::vector<std::string>{"", "x", "xx"}));
      EXPECT_EQ(group.broadcast(r + 5), 5);
      EXPECT_EQ(group.max(r), 2);
      try {
        group.on_all_ranks([&] {
          if (r == 1) throw BadInput("no such file");
        });
      } catch (const BadInput& e) {
        errors[size_t(r)] = e.what();
      }
      group.communicator().barrier();
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(errors, std::vector<std::string>(3, "rank 1: no such file"));
}

using Environment = std::map<std::string, std::string>;

std::optional<Rendezvous> rendezvous_in(Launcher launcher, const Environment& variables) {
  return tcp_rendezvous(launcher, [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(Rendezvous, IsWhereTheVariablesSay) {
  const Environment both = {{"MASTER_ADDR", "node1"}, {"MASTER_PORT", "29500"}};
  Environment with_agent = both, without_agent = both;
  with_agent["TORCHELASTIC_USE_AGENT_STORE"] = "True";
  without_agent["TORCHELASTIC_USE_AGENT_STORE"] = "False";
  EXPECT_EQ(rendezvous_in(Launcher::open_mpi, {}), std::nullopt);
  EXPECT_EQ(rendezvous_in(Launcher::slurm, {}), std::nullopt);
  for (const Launcher launcher : {Launcher::torchrun, Launcher::slurm, Launcher::pmi, Launcher::open_mpi})
    EXPECT_EQ(rendezvous_in(launcher, both), (Rendezvous{"node1", 29500}));
  EXPECT_EQ(rendezvous_in(Launcher::torchrun, with_agent), (Rendezvous{"node1", 29501}));
  EXPECT_EQ(rendezvous_in(Launcher::torchrun, without_agent), (Rendezvous{"node1", 29500}));
}

TEST(Rendezvous, NamesTheVariableThatIsMissingOrWrong) {
  const std::vector<std::pair<Environment, std::string>> table = {
      {{}, "MASTER_ADDR is not set, but RANK is"},
      {{{"MASTER_ADDR", "node1"}}, "MASTER_PORT is not set, but MASTER_ADDR is"},
      {{{"MASTER_PORT", "29500"}}, "MASTER_ADDR is not set, but MASTER_PORT is"},
      {{{"MASTER_ADDR", "node1"}, {"MASTER_PORT", "http"}}, "MASTER_PORT is 'http', not a port from 1 to 65535"},
      {{{"MASTER_ADDR", "node1"}, {"MASTER_PORT", "0"}}, "MASTER_PORT is '0'"},
      {{{"MASTER_ADDR", "node1"}, {"MASTER_PORT", "65536"}}, "MASTER_PORT is '65536'"},
      {{{"MASTER_ADDR", "node1"}, {"MASTER_PORT", "65535"}, {"TORCHELASTIC_USE_AGENT_STORE", "True"}},
       "MASTER_PORT is 65535, which torchrun's agent uses itself"}};
  for (const auto& [variables, part] : table) try {
      rendezvous_in(Launcher::torchrun, variables);
      ADD_FAILURE() << part;
    } catch (const BadInput& e) {
      EXPECT_NE(std::string(e.what()).find("variable " + part), std::string::npos) << e.what();
    }
}

}  // namespace
}  // namespace skein::testing
