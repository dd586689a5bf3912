#include "local_sgd/network_model.h"

#include <gtest/gtest.h>

#include <mutex>

#include "base/check.h"
#include "local_sgd/averaging_traffic.h"
#include "tests/support/models_on_threads.h"

namespace skein::testing {
namespace {

void expect_bad_network(const std::string& text, const std::string& part) {
  try {
    parse_network(text);
    ADD_FAILURE() << "'" << text << "' was taken";
  } catch (const BadInput& e) {
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what() << "\n  does not say " << part;
    EXPECT_NE(std::string(e.what()).find("1Gbit,200us"), std::string::npos) << "no example in " << e.what();
  }
}

TEST(NetworkModel, Parses) {
  const NetworkModel one = parse_network("1Gbit,200us");
  for (const Link& link : {one.block, one.world}) {
    EXPECT_DOUBLE_EQ(link.bits_per_second, 1e9);
    EXPECT_DOUBLE_EQ(link.latency, 200e-6);
  }
  const NetworkModel two = parse_network("world=2.5Mbit,1ms;block=100Gbit,5ns");
  EXPECT_DOUBLE_EQ(two.block.bits_per_second, 1e11);
  EXPECT_DOUBLE_EQ(two.block.latency, 5e-9);
  EXPECT_DOUBLE_EQ(two.world.bits_per_second, 2.5e6);
  EXPECT_DOUBLE_EQ(two.world.latency, 1e-3);
  EXPECT_DOUBLE_EQ(parse_network("8Kbit,2s").world.seconds(1000, 1), 3);
  EXPECT_DOUBLE_EQ(parse_network("8bit,0s").world.seconds(5, 9), 5);
}

TEST(NetworkModel, UnitsAsPeopleWriteThem) {
  const auto bits = [](const std::string& bandwidth) { return parse_network(bandwidth + ",1s").world.bits_per_second; };
  for (const char* text : {"1Gbit", "1gbit", "1 Gbit/s", "1Gb/s", "1 Gbps", "1gbps", "1000Mbps", "1e6kbit", "1GbE",
                           "0.001Tbit", " 1Gbits/s ", "125 MB/s", "125MB/s", "1000000000bps", "1e9 b/s"})
    EXPECT_DOUBLE_EQ(bits(text), 1e9) << text;
  EXPECT_DOUBLE_EQ(bits("100GbE"), 1e11);
  for (const char* text : {"5us", "5 us", "5\u00b5s", "5 \u03bcs", "0.005ms", "5000 ns", "5e-6s", "  5us "})
    EXPECT_DOUBLE_EQ(parse_network(std::string("1Gbit,") + text).world.latency, 5e-6) << text;
  const NetworkModel two = parse_network("block=100 Gb/s, 5 us;world=1Gbps,1 ms");
  EXPECT_DOUBLE_EQ(two.block.latency, 5e-6);
  EXPECT_DOUBLE_EQ(two.world.bits_per_second, 1e9);
}

TEST(NetworkModel, BadTexts) {
  expect_bad_network("", "link among all is missing");
  expect_bad_network("block=1Gbit,1s;;1Gbit,200us", "latency is missing");
  expect_bad_network("1Gbit", "latency is missing");
  expect_bad_network("1,200us", "bandwidth '1' has no known unit");
  expect_bad_network("1GB,200us", "bandwidth '1GB' has no known unit");  // bits or bytes?
  expect_bad_network("1GBps,200us", "1Gbit/s");
  expect_bad_network("10MbE,200us", "no known unit");
  expect_bad_network("125B/s,200us", "no known unit");
  expect_bad_network("1 Gbit,200 mus", "latency '200 mus' has no known unit");
  expect_bad_network("1Gbit,200", "latency '200' has no known unit");
  expect_bad_network("1Gbit,200us,3", "latency '200us,3'");
  expect_bad_network("fast,200us", "bandwidth 'fast' is not a number");
  expect_bad_network("-1Gbit,200us", "bandwidth '-1Gbit' is not a number");
  expect_bad_network("0Gbit,200us", "bandwidth is zero");
  expect_bad_network("infGbit,200us", "is not a number");
  expect_bad_network("node=1Gbit,200us", "no link 'node'");
  expect_bad_network("block=1Gbit,200us", "link among all is missing");
  expect_bad_network("1Gbit,200us;world=1Gbit,1ms", "world link is given twice");
}

TEST(NetworkModel, CostOfAnAllReduce) {
  const auto seconds = [](const Link& link, int64_t bytes, int ranks) {
    Traffic sent;
    on_ranks(ranks, [&](Communicator& c) {
      std::vector<float> x(size_t(bytes) / sizeof(float));
      c.all_reduce({x.data(), DType::f32, {1, 1, 1, int64_t(x.size())}});
      if (c.rank() == 0) sent = c.traffic();
    });
    return link.seconds(sent.bytes, sent.rounds);
  };
  const Link link{8e6, 0.25};                              // a megabyte a second
  EXPECT_DOUBLE_EQ(seconds(link, 4'000'000, 4), 0.5 + 6);  // 2 * 3/4 of four megabytes
  EXPECT_DOUBLE_EQ(seconds(link, 4'000'000, 1), 0);
  // ResNet-20 among 16 workers over 1 Gbit/s, 200 us: 0.4 ms + 2 * 15/16 * 1089896 * 8 bits
  EXPECT_NEAR(seconds({1e9, 200e-6}, 1089896, 16), 0.0167484, 1e-6);
}

TEST(NetworkModel, ChargesEachScopeOnItsLink) {
  const NetworkModel network = parse_network("block=8Mbit,1ms;world=8Kbit,1s");
  EXPECT_DOUBLE_EQ(network.seconds({Traffic{1000, 2}, Traffic{1000, 3}}), 0.003 + 4);
  EXPECT_DOUBLE_EQ(network.seconds({}), 0);
}

// The dry run counts what the busiest rank of a real averaging sends.
TEST(NetworkModel, TrafficWithoutARun) {
  for (const int size : {2, 3, 5, 34})
    for (const std::string& name : compression_names()) {
      Traffic most;
      std::mutex mutex;
      on_ranks(size, [&](Communicator& ranks) {
        const auto p = small_store();
        ModelAverager averager(*p, make_compressor(parse_compression(name), *p, {}), {}, {});
        averager.average(ranks, {});
        const std::lock_guard lock(mutex);
        if (ranks.traffic().bytes > most.bytes) most = ranks.traffic();
      });
      const auto p = small_store();
      const Traffic dry = averaging_traffic(parse_compression(name), *p, size);
      EXPECT_EQ(dry.bytes, most.bytes) << name << ", " << size;
      EXPECT_EQ(dry.rounds, most.rounds) << name << ", " << size;
    }
}

TEST(NetworkModel, ChargesOfADelayedAveragingWhatIsLongerThanTheSteps) {
  const NetworkModel network = parse_network("1Gbit,1ms");
  const ScopeTraffic delayed{{}, {125'000'000, 1000}};  // a second each for bytes and latencies
  const ScopeTraffic sent{{}, {250'000'000, 1000}};
  EXPECT_DOUBLE_EQ(network.seconds(sent), 3);
  EXPECT_DOUBLE_EQ(network.seconds(sent, delayed, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(network.seconds(sent, delayed, 9), 1) << "what was not delayed stays";
}

TEST(NetworkModel, BreakEven) {
  EXPECT_EQ(break_even_steps(1, 1, 0.1), 9);  // 1 of 10
  EXPECT_EQ(break_even_steps(1, 1, 0.5), 1);
  EXPECT_EQ(break_even_steps(1, 1.001, 0.5), 2);
  EXPECT_EQ(break_even_steps(1, 0, 0.5), 1);
  for (double share : {0.05, 0.1, 0.25})
    for (double sync : {0.003, 0.7, 12.0}) {
      const int64_t h = break_even_steps(0.1, sync, share);
      EXPECT_LE(sync / (sync + 0.1 * double(h)), share * (1 + 1e-9));
      EXPECT_TRUE(h == 1 || sync / (sync + 0.1 * double(h - 1)) > share) << h;
    }
  EXPECT_THROW(break_even_steps(0, 1, 0.5), std::logic_error);
  EXPECT_THROW(break_even_steps(1, 1, 1), std::logic_error);
}

}  // namespace
}  // namespace skein::testing
