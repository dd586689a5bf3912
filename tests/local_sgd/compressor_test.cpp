// Compressors: decoded means against plain loops in double, routes that agree to the bit, error feedback, bytes.
#include "local_sgd/compressor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"
#include "kernels/reference/sign.h"
#include "models/model.h"
#include "tests/support/compressor_rounds.h"

namespace skein::testing {
namespace {

reference::Sign plain_sign(const ParameterStore& p) {
  reference::Sign plain;
  for (const Segment& s : p.segments()) plain.segments.push_back({s.begin, s.count, 0});
  std::sort(plain.segments.begin(), plain.segments.end(), [](auto& a, auto& b) { return a.begin < b.begin; });
  for (size_t i = 1; i < plain.segments.size(); ++i)
    plain.segments[i].bit = plain.segments[i - 1].bit + plain.segments[i - 1].count;
  return plain;
}

Make sign(CompressionOptions options) {
  return [options](const ParameterStore& p) { return make_sign_compressor(options, p, {}); };
}

TEST(Compressor, SignMatchesPlainLoops) {
  const reference::Sign plain = plain_sign(*small_store());
  for (const int size : {1, 2, 3, 4, 5})
    for (const Collective route : {Collective::all_gather, Collective::all_to_all}) {
      std::vector<Numbers> bits, scales;
      for (int r = 0; r < size; ++r) {
        const Flat d = distance(r, 0);
        bits.push_back(plain.bits({d.begin(), d.end()}, ties_of(0, r)));
        scales.push_back(plain.scales({d.begin(), d.end()}));
      }
      const size_t n = distance(0, 0).size();
      expect_near(run(size, sign({false, false, route})).means[0], plain.mean(bits, scales, n), 1e-8);
      expect_near(run(size, sign({false, true, route})).means[0], plain.mean_of_means(bits, scales, n), 1e-8);
    }
}

TEST(Compressor, RoutesRanksThreadsAndRepeatsGiveTheSameBits) {
  for (const int size : {2, 3, 4, 6})
    for (const bool memory : {false, true})
      for (const bool mean_of_means : {false, true}) {
        const Round gathered = run(size, sign({memory, mean_of_means, Collective::all_gather}), 3);
        for (const Flat& mean : gathered.means) EXPECT_TRUE(same_bits(mean, gathered.means[0])) << size;
        for (const int threads : {1, 3}) {
          const Round other = run(size, sign({memory, mean_of_means, Collective::all_to_all}), 3, threads);
          for (const Flat& mean : other.means)
            EXPECT_TRUE(same_bits(mean, gathered.means[0])) << size << memory << mean_of_means;
          EXPECT_TRUE(other.memories == gathered.memories);
        }
      }
}

TEST(Compressor, TheCheaperRouteIsTaken) {
  const auto bytes = [](int size, const CompressionOptions& options) { return run(size, sign(options)).bytes; };
  for (const int size : {2, 4, 5, 33, 34})
    for (const bool mean_of_means : {false, true}) {
      const int64_t best = std::min(bytes(size, {false, mean_of_means, Collective::all_gather}),
                                    bytes(size, {false, mean_of_means, Collective::all_to_all}));
      EXPECT_NEAR(double(bytes(size, {false, mean_of_means})), double(best), 0.05 * double(best)) << size;
    }
}

TEST(Compressor, ErrorFeedbackLosesNothing) {
  for (const int size : {1, 3, 5})
    for (const char* name : {"ef-sign", "ef-sign:two-way"}) expect_nothing_lost(name, size);
}

TEST(Compressor, TwoWaySendsTwoBits) {
  const int64_t shard = small_store()->value.numel() / 4, scales = 7;
  const Round round = run(4, make_of("ef-sign:two-way"));
  for (const Flat& mean : round.means) EXPECT_TRUE(same_bits(mean, round.means[0]));
  EXPECT_LE(round.bytes, 2 * 3 * 4 * (shard / 32 + 2 + scales));  // out and back, to three others, words and scales
  EXPECT_LT(round.bytes, run(4, sign({true, false, Collective::all_to_all})).bytes / 8);  // f32 comes back
}

TEST(Compressor, PaddingStaysZero) {
  const auto p = small_store();
  for (const char* name :
       {"bf16", "sign", "ef-sign", "sign:mean-of-means", "ef-sign:mean-of-means", "ef-sign:two-way"}) {
    const Round round = run(5, make_of(name), 2);
    EXPECT_EQ(largest_in_padding(*p, round.means[0]), 0) << name;
    for (const Flat& memory : round.memories)
      if (!memory.empty()) {
        EXPECT_EQ(largest_in_padding(*p, memory), 0) << name;
      }
  }
}

// Differences of +-0 and one number that gives the tensor of 9001 a scale of 1: each rank sends +1 and -1 equally
// often, other ones in every round and on every rank.
TEST(Compressor, ZerosOfEitherSignAreSentWithoutBias) {
  constexpr int kRanks = 4, kRounds = 16;
  for (const bool memory : {false, true}) {
    double sum = 0, squares = 0, count = 0;
    on_ranks(kRanks, [&](Communicator& ranks) {
      const auto c = small_store(), w = small_store();
      const Segment s = c->segments()[3];
      for (int round = 0; round < kRounds; ++round) {
        cpu::zero({}, c->value), cpu::zero({}, w->value);
        for (int64_t i = 0; i < s.count; i += 2) c->value.host()[s.begin + i] = -0.0f;
        c->value.host()[s.begin] = float(s.count);
        const auto compressor = make_sign_compressor({memory}, *c, {});  // owns the mean
        const View mean = compressor->mean(c->value, w->value, ranks, ties_of(round, ranks.rank()));
        if (ranks.rank() != 0) continue;
        for (int64_t i = 1; i < s.count; ++i) {
          const double x = double(mean.as<float>()[s.begin + i]);
          sum += x, squares += x * x, ++count;
        }
      }
    });
    const double deviation = 1 / std::sqrt(kRanks * count);     // of the mean of fair draws
    EXPECT_LT(std::abs(sum / count), 4 * deviation) << memory;  // +1 always: 1
    EXPECT_NEAR(squares / count, 1.0 / kRanks, 0.01) << "the ranks' draws are independent";
  }
}

// Algorithm 3 with H = 4: every number moves by +-1 four times, so 6 of 16 differences are exactly zero. A walk without
// drift must not acquire one.
TEST(Compressor, SignStepsGainNoDriftFromZeros) {
  constexpr int kRanks = 4, kRounds = 8;
  double sum = 0, size = 0;
  on_ranks(kRanks, [&](Communicator& ranks) {
    const auto c = small_store(), w = small_store();
    const Segment s = c->segments()[3];
    const auto compressor = make_sign_compressor({}, *c, {});
    for (int round = 0; round < kRounds; ++round) {
      cpu::zero({}, c->value), cpu::zero({}, w->value);
      for (int64_t i = 0; i < s.count; ++i) {
        const RandomWords draw = random_words(11, Purpose::test, uint32_t(round), uint32_t(ranks.rank()), uint32_t(i));
        for (int step = 0; step < 4; ++step) w->value.host()[s.begin + i] += draw[step] % 2 == 0 ? 0.125f : -0.125f;
      }
      const View mean = compressor->mean(c->value, w->value, ranks, ties_of(round, ranks.rank()));
      if (ranks.rank() != 0) continue;
      for (int64_t i = 0; i < s.count; ++i) {
        sum += double(mean.as<float>()[s.begin + i]);
        size += std::abs(double(mean.as<float>()[s.begin + i]));
      }
    }
  });
  EXPECT_LT(std::abs(sum / size), 0.02);  // with zeros sent as +1 it is 0.7
}

TEST(Compressor, Bf16RoundsTwice) {
  for (const int size : {1, 2, 3}) {
    Numbers mean(distance(0, 0).size());
    Numbers largest(mean.size());
    for (int r = 0; r < size; ++r) {
      const Flat d = distance(r, 0);
      for (size_t i = 0; i < d.size(); ++i) {
        mean[i] += double(d[i]) / size;
        largest[i] = std::max(largest[i], std::abs(double(d[i])));
      }
    }
    const Round round = run(size, make_of("bf16"));
    for (const Flat& m : round.means) EXPECT_TRUE(same_bits(m, round.means[0]));
    for (size_t i = 0; i < mean.size(); ++i) {
      ASSERT_NEAR(round.means[0][i], mean[i], largest[i] * 2.01 / 256) << i;  // each time by half of 2^-7
      ASSERT_EQ(std::bit_cast<uint32_t>(round.means[0][i]) & 0xffff, 0u);
    }
  }
}

TEST(Compressor, ResNet20SendsFewBytes) {
  on_ranks(2, [](Communicator& ranks) {
    ParameterStore p;
    const auto model = make_model("resnet20", {}, p);
    p.build(Device::cpu, 1);
    const Tensor value = Tensor::zeros(Device::cpu, DType::f32, {p.value.numel()});
    ASSERT_EQ(p.count() * 4, 1'089'896);
    int64_t before = 0;
    const auto sent = [&] { return ranks.traffic().bytes - std::exchange(before, ranks.traffic().bytes); };
    for (const char* name : {"sign", "ef-sign", "ef-sign:mean-of-means"}) {
      make_compressor(parse_compression(name), p, {})->mean(p.value, value, ranks, {});
      EXPECT_EQ(sent(), 34'320) << name;  // 8515 words of bits, 65 scales; between two ranks one message each
    }
    make_compressor(parse_compression("bf16"), p, {})->mean(p.value, value, ranks, {});
    EXPECT_EQ(sent(), 2 * p.value.numel());  // half out to the owner, half back
    ranks.all_reduce(value);
    EXPECT_EQ(sent(), 4 * p.value.numel());  // the padding too: 664 bytes
  });
}

TEST(Compressor, UnknownNamesAreRefusedWithTheList) {
  const auto p = small_store();
  EXPECT_EQ(make_compressor(parse_compression("none"), *p, {}), nullptr);
  try {
    parse_compression("signs");
    FAIL();
  } catch (const BadInput& e) {
    EXPECT_NE(std::string(e.what()).find("ef-sign:mean-of-means"), std::string::npos);
  }
}

}  // namespace
}  // namespace skein::testing
