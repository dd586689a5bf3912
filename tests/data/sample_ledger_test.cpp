// The samples of elastic rounds: each once per epoch, whatever is lost.
#include "data/loading/sample_ledger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace skein::testing {
namespace {

std::vector<std::pair<int64_t, int64_t>> pairs(const SampleRanges& ranges) {
  std::vector<std::pair<int64_t, int64_t>> all;
  for (const SampleRange& r : ranges) all.emplace_back(r.begin, r.end);
  return all;
}
using Pairs = std::vector<std::pair<int64_t, int64_t>>;

TEST(SampleLedger, ALostPartIsGivenOutAgainFirst) {
  SampleLedger ledger = SampleLedger::whole(0, 100);
  const auto first = deal(ledger, 3, 16);
  EXPECT_EQ(pairs(first[0]), (Pairs{{0, 16}}));
  EXPECT_EQ(pairs(first[2]), (Pairs{{32, 48}}));
  ledger.take(first[0]);
  ledger.take(first[2]);
  EXPECT_EQ(pairs(ledger.left), (Pairs{{16, 32}, {48, 100}}));
  const auto second = deal(ledger, 2, 16);
  EXPECT_EQ(pairs(second[0]), (Pairs{{16, 32}}));
  EXPECT_EQ(pairs(second[1]), (Pairs{{48, 64}}));
}

TEST(SampleLedger, TheRestOfAnEpochIsSharedEqually) {
  SampleLedger ledger{2, {{3, 5}, {90, 98}}};
  const auto parts = deal(ledger, 3, 16);
  EXPECT_EQ(pairs(parts[0]), (Pairs{{3, 5}, {90, 91}}));
  EXPECT_EQ(pairs(parts[1]), (Pairs{{91, 94}}));
  EXPECT_EQ(pairs(parts[2]), (Pairs{{94, 98}}));
  EXPECT_EQ(deal({0, {{7, 8}}}, 3, 16)[0].size() + deal({0, {{7, 8}}}, 3, 16)[1].size(), 0u);
}

TEST(SampleLedger, EverySampleCountsOnceInAnEpochWithLosses) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 50; ++trial) {
    SampleLedger ledger = SampleLedger::whole(1, 517);
    std::vector<int> counted(517, 0);
    int rounds = 0;
    while (!ledger.left.empty() && ++rounds < 1000) {
      const int64_t members = 1 + random() % 6;
      for (const SampleRanges& part : deal(ledger, members, 1 + random() % 40)) {
        if (random() % 4 == 0) continue;  // lost
        ledger.take(part);
        for (const SampleRange& r : part)
          for (int64_t i = r.begin; i < r.end; ++i) ++counted[size_t(i)];
      }
    }
    EXPECT_EQ(std::count(counted.begin(), counted.end(), 1), 517);
  }
}

TEST(SampleLedger, PositionsAreThoseOfTheEpochsPermutation) {
  std::vector<int32_t> all = samples_at({{0, 50}}, 7, 3, 50), part = samples_at({{10, 12}, {49, 50}}, 7, 3, 50);
  EXPECT_EQ(part, (std::vector<int32_t>{all[10], all[11], all[49]}));
  EXPECT_NE(all, samples_at({{0, 50}}, 7, 4, 50));
  std::sort(all.begin(), all.end());
  std::vector<int32_t> in_order(50);
  std::iota(in_order.begin(), in_order.end(), 0);
  EXPECT_EQ(all, in_order);
}

}  // namespace
}  // namespace skein::testing
