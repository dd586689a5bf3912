// Welch's t test (Welch, 1947), two-sided: whether the means of two samples differ, without the assumption that their
// variances are equal. For few values it can decide where a rank test cannot; in return it assumes values that are
// normally distributed.
//
//   t = (mean(a) - mean(b) - shift) / s,   s^2 = var(a)/n + var(b)/m
//   degrees of freedom (Satterthwaite, 1946) = s^4 / ((var(a)/n)^2/(n-1) + (var(b)/m)^2/(m-1))
//   p = P(|T| >= |t|), T of Student's distribution, by the incomplete beta function (DLMF 8.17.22)
#pragma once

#include <limits>
#include <vector>

namespace skein {

// All but the difference are NaN where a sample has fewer than two values, or neither varies.
struct WelchTest {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  double difference = kNone;         // of the means, a - b
  double low = kNone, high = kNone;  // its 95 % interval
  double t = kNone, freedom = kNone, p = kNone;
};

// The hypothesis is that the difference is `shift`.
WelchTest welch_test(const std::vector<double>& a, const std::vector<double>& b, double shift = 0);

}  // namespace skein
