// Mean and deviation, and the rank test against scipy: tests/golden/rank_test.json, which tests/oracle/rank_test.py has
// written; Welch's test the same way.
#include "base/statistics/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/files.h"
#include "base/formats/json.h"
#include "base/statistics/rank_test.h"
#include "base/statistics/welch_test.h"

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

TEST(WelchTest, HasTheNumbersOfScipy) {
  const Json cases = Json::parse(read_text(SKEIN_SOURCE_DIR "/tests/golden/welch_test.json"));
  ASSERT_GE(cases.size(), 9u);
  for (const Json& c : cases.elements()) {
    const auto of_scipy = [&](const char* key) { return c.at(key).get<double>(); };
    const WelchTest test = welch_test(numbers(c.at("a")), numbers(c.at("b")), of_scipy("shift"));
    const auto near = [](double x, double expected) {
      EXPECT_NEAR(x, expected, 1e-10 * std::max(1.0, std::abs(expected)));
    };
    near(test.t, of_scipy("t"));
    near(test.freedom, of_scipy("freedom"));
    near(test.p, of_scipy("p"));
    near(test.low, of_scipy("low"));
    near(test.high, of_scipy("high"));
  }
  EXPECT_TRUE(std::isnan(welch_test({1}, {2, 3}).p));
  EXPECT_TRUE(std::isnan(welch_test({1, 1}, {2, 2}).p));
  EXPECT_EQ(welch_test({1, 1}, {2, 2}).difference, -1);
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
