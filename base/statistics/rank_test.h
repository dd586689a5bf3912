// The rank test of Mann and Whitney (1947; Wilcoxon's rank sum, 1945), two-sided, and the estimate that belongs to it
// (Hodges and Lehmann, 1963): whether the values of one sample tend to be greater than those of another. It assumes
// nothing about how the values are distributed, only that they are independent of each other.
//
//   U = the number of pairs (a, b) with a > b, and half of those with a = b
//   p = the probability of a U at least as far from its mean, if both samples are from one distribution
//
// Without ties and for up to 2,500 pairs p is exact; else it is that of the normal distribution, with the corrections
// for ties and for continuity, as in scipy.stats.mannwhitneyu.
#pragma once

#include <cstddef>
#include <vector>

namespace skein {

struct RankTest {
  double u = 0, p = 1;
  bool exact = false;
};

// CHECK fails for an empty sample.
RankTest rank_test(const std::vector<double>& a, const std::vector<double>& b);

// The smallest p that samples of these sizes can have: 2 / (n + m choose n). Four against four give 0.029.
double smallest_p(size_t n, size_t m);

// How many times as large the values of b are as those of a: the median of all b_j / a_i, and its bounds at 95 %
// (exact under the conditions above; NaN where the samples are too small for that). Positive values.
struct Ratio {
  double estimate = 1, low = 1, high = 1;
};
Ratio ratio_of(const std::vector<double>& a, const std::vector<double>& b);

// Corrects the p of several tests that are read together (Holm, 1979): p_i times the number of tests that are not yet
// rejected. The order is kept.
std::vector<double> holm(const std::vector<double>& p);

}  // namespace skein
