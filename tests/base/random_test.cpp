#include "base/random.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace skein::testing {
namespace {

// Known answers published with the Random123 library (kat_vectors), also evaluated at compile time.
static_assert(philox4x32_10({{0, 0, 0, 0}}, 0, 0) == RandomWords{{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});

TEST(Random, KnownAnswers) {
  const uint32_t f = 0xffffffff;
  EXPECT_EQ(philox4x32_10({{0, 0, 0, 0}}, 0, 0), (RandomWords{{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}));
  EXPECT_EQ(philox4x32_10({{f, f, f, f}}, f, f), (RandomWords{{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}));
  EXPECT_EQ(philox4x32_10({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0),
            (RandomWords{{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}));
}

TEST(Random, LayoutOfKeyAndCounter) {
  EXPECT_EQ(random_words(0x0123456789abcdef, Purpose::init, 7, 8, 9),
            philox4x32_10({{9, 8, 7, uint32_t(Purpose::init)}}, 0x89abcdef, 0x01234567));
}

TEST(Random, EveryCoordinateMakesAnotherStream) {
  std::set<std::vector<uint32_t>> seen;
  for (uint64_t seed : {0ull, 1ull, 1ull << 32})
    for (Purpose purpose : {Purpose::augment, Purpose::permute, Purpose::init, Purpose::synthetic, Purpose::dropout})
      for (uint32_t i = 0; i < 27; ++i) {
        const RandomWords w = random_words(seed, purpose, i % 3, i / 3 % 3, i / 9);
        seen.insert({w.v, w.v + 4});
      }
  EXPECT_EQ(seen.size(), 3u * 5u * 27u);
}

TEST(Random, UniformStaysBelowOneAndHasTheRightMoments) {
  EXPECT_EQ(uniform(0), 0.0f);
  EXPECT_LT(uniform(0xffffffff), 1.0f);
  double sum = 0, squares = 0;
  const uint32_t blocks = 50000;
  for (uint32_t i = 0; i < blocks; ++i)
    for (uint32_t w : random_words(3, Purpose::test, 0, 0, i).v) {
      sum += uniform(w);
      squares += double(uniform(w)) * uniform(w);
    }
  EXPECT_NEAR(sum / (4 * blocks), 1.0 / 2, 0.003);  // 4 standard errors
  EXPECT_NEAR(squares / (4 * blocks), 1.0 / 3, 0.003);
}

TEST(Random, BoundedReachesEveryValueEvenly) {
  EXPECT_EQ(bounded(0, 9), 0u);
  EXPECT_EQ(bounded(0xffffffff, 9), 8u);
  EXPECT_EQ(bounded(0xffffffff, 1), 0u);
  std::vector<int> count(9);
  const int blocks = 22500;
  for (int i = 0; i < blocks; ++i)
    for (uint32_t w : random_words(4, Purpose::test, 0, 0, uint32_t(i)).v) ++count[bounded(w, 9)];
  double chi2 = 0;
  for (int c : count) chi2 += (c - 10000.0) * (c - 10000.0) / 10000.0;
  EXPECT_LT(chi2, 26.1);  // 8 degrees of freedom, 0.1 %
}

TEST(Random, NormalHasTheRightMomentsAndNoInfinity) {
  for (uint32_t a : {0u, 1u, 0xffffffffu})
    for (uint32_t b : {0u, 0x80000000u, 0xffffffffu}) EXPECT_LE(std::abs(normal(a, b)), 6.67);
  double sum[5] = {};
  const uint32_t n = 100000;
  for (uint32_t i = 0; i < n; ++i) {
    const RandomWords w = random_words(5, Purpose::test, 0, 0, i);
    for (double x = normal(w[0], w[1]), power = x, k = 1; k <= 4; power *= x, ++k) sum[int(k)] += power / n;
  }
  EXPECT_NEAR(sum[1], 0, 0.0127);  // 4 standard errors each
  EXPECT_NEAR(sum[2], 1, 0.018);
  EXPECT_NEAR(sum[3], 0, 0.05);
  EXPECT_NEAR(sum[4], 3, 0.125);
}

}  // namespace
}  // namespace skein::testing
