// Mean and deviation, and the rank test against scipy: tests/golden/rank_test.json, which tests/oracle/rank_test.py has
// written.
#include "base/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/files.h"
#include "base/formats/json.h"
#include "base/rank_test.h"

namespace skein::testing {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<double> numbers(const Json& list) {
  std::vector<double> values;
  for (const Json& x : list.elements()) values.push_back(x.get<double>());
  return values;
}

TEST(Statistics, LeavesOutWhatIsNotFinite) {
  const Summary s = summary_of({1, kNan, 2, 3, INFINITY});
  EXPECT_EQ(s.n, 3u);
  EXPECT_EQ(s.mean, 2);
  EXPECT_EQ(s.deviation, 1);
  EXPECT_TRUE(std::isnan(summary_of({5}).deviation));
  EXPECT_TRUE(std::isnan(summary_of({kNan}).mean));
}

TEST(RankTest, HasTheNumbersOfScipy) {
  const Json cases = Json::parse(read_text(SKEIN_SOURCE_DIR "/tests/golden/rank_test.json"));
  ASSERT_GE(cases.size(), 10u);
  for (const Json& c : cases.elements()) {
    const std::vector<double> a = numbers(c.at("a")), b = numbers(c.at("b"));
    const std::string sizes = std::to_string(a.size()) + " and " + std::to_string(b.size());
    const RankTest test = rank_test(a, b), swapped = rank_test(b, a);
    EXPECT_EQ(test.u, c.at("u").get<double>()) << sizes;
    EXPECT_EQ(test.exact, c.at("exact").get<bool>()) << sizes;
    EXPECT_NEAR(test.p, c.at("p").get<double>(), 1e-12) << sizes;
    EXPECT_NEAR(swapped.p, test.p, 1e-12) << sizes;
    if (!test.exact) continue;
    const Ratio ratio = ratio_of(a, b);
    EXPECT_EQ(std::isnan(ratio.low), c.at("low") == Json()) << sizes;
    if (std::isnan(ratio.low)) continue;
    EXPECT_NEAR(ratio.low, c.at("low").get<double>(), 1e-12) << sizes;
    EXPECT_NEAR(ratio.high, c.at("high").get<double>(), 1e-12) << sizes;
    EXPECT_LE(ratio.low, ratio.estimate);
    EXPECT_LE(ratio.estimate, ratio.high);
  }
}

TEST(RankTest, SmallestPAndHolm) {
  EXPECT_NEAR(smallest_p(4, 4), 2.0 / 70, 1e-15);
  EXPECT_EQ(rank_test({1, 2, 3, 4}, {5, 6, 7, 8}).p, smallest_p(4, 4));
  EXPECT_EQ(smallest_p(1, 1), 1);
  const std::vector<double> p = holm({0.01, 0.04, 0.03, 0.5}), expected = {0.04, 0.09, 0.09, 0.5};
  for (size_t i = 0; i < p.size(); ++i) EXPECT_NEAR(p[i], expected[i], 1e-15);
}

}  // namespace
}  // namespace skein::testing
