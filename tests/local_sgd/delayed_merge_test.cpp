// The merge of an averaging that travelled while its rank took more steps.
#include <gtest/gtest.h>

#include <optional>

#include "tests/support/models_on_threads.h"

namespace skein::testing {
namespace {

// Rounds of drift, of which two steps follow after the parameters were sent, on one rank. ranks: for the averaging,
// which another thread may do.
void run_delayed(ParameterStore& p, ModelAverager& averager, Communicator& ranks, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    drift(p, ranks.rank(), 3 * round);
    averager.send();
    std::exception_ptr error;
    std::thread other([&] {
      try {
        averager.average_sent(ranks, {.ties = {uint64_t(round), uint32_t(ranks.rank())}});
      } catch (...) {
        error = std::current_exception();
      }
    });
    for (const int step : {1, 2}) drift(p, ranks.rank(), 3 * round + step);
    other.join();
    if (error) std::rethrow_exception(error);
    averager.merge();
  }
}

// The model sent, the consensus that came back and the two steps, each by an averager without delay.
TEST(DelayedMerge, FollowsItsFormula) {
  constexpr int kRanks = 3;
  for (const std::string compressor : {"none", "ef-sign"})
    for (const double mix : {0.0, 0.25, 1.0})
      on_ranks(kRanks, [&](Communicator& ranks) {
        const auto p = small_store(), plain = small_store();
        const auto averager = make_averager(*p, compressor, {0.5f, 1.0f, true}),
                   at_once = make_averager(*plain, compressor, {0.5f, 1.0f, true});
        averager->delay({mix > 0 ? std::optional(mix) : std::nullopt});
        run_delayed(*p, *averager, ranks, 2);
        for (int round = 0; round < 2; ++round) {
          drift(*plain, ranks.rank(), 3 * round);
          const std::vector<float> sent = plain->value.to_vector();
          for (const int step : {1, 2}) drift(*plain, ranks.rank(), 3 * round + step);
          const std::vector<float> later = plain->value.to_vector();
          std::copy(sent.begin(), sent.end(), plain->value.host());
          at_once->average(ranks, {.ties = {uint64_t(round), uint32_t(ranks.rank())}});
          float* w = plain->value.host();  // the consensus
          for (size_t i = 0; i < sent.size(); ++i)
            w[i] = mix == 0 ? later[i] + (w[i] - sent[i]) : float((1 - mix) * double(later[i]) + mix * double(w[i]));
        }
        const std::vector<float> merged = p->value.to_vector(), expected = plain->value.to_vector();
        for (size_t i = 0; i < merged.size(); ++i) ASSERT_NEAR(merged[i], expected[i], 1e-7) << compressor << " " << i;
        EXPECT_EQ(largest_in_padding(*p, merged), 0);
        EXPECT_EQ(2 * averager->merged_traffic().bytes, ranks.traffic().bytes / 2);
        EXPECT_EQ(2 * averager->merged_traffic().rounds, ranks.traffic().rounds / 2);
      });
}

TEST(DelayedMerge, ChangesNothingOnOneRank) {
  const auto p = small_store(), alone = small_store();
  on_ranks(1, [&](Communicator& ranks) {
    const auto averager = make_averager(*p, "none", {});
    averager->delay({});
    run_delayed(*p, *averager, ranks, 2);
  });
  for (int step = 0; step < 6; ++step) drift(*alone, 0, step);
  EXPECT_TRUE(same_bits(p->value.to_vector(), alone->value.to_vector()));
}

}  // namespace
}  // namespace skein::testing
