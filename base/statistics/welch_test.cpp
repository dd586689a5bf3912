#include "base/statistics/welch_test.h"

#include <cmath>

#include "base/statistics/statistics.h"

namespace skein {
namespace {

constexpr double kLevel = 0.05;

// The continued fraction of the incomplete beta function, by Lentz's algorithm.
double beta_fraction(double a, double b, double x) {
  double c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), fraction = d;
  const auto extend = [&](double term) {
    d = 1 / (1 + term * d);
    c = 1 + term / c;
    fraction *= c * d;
  };
  for (double m = 1; m < 1000; ++m) {
    const double before = fraction;
    extend(m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)));
    extend(-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)));
    if (std::abs(fraction - before) <= 1e-16 * std::abs(fraction)) break;
  }
  return fraction;
}

// I_x(a, b), regularised; y = 1 - x.
double incomplete_beta(double a, double b, double x, double y) {
  if (x <= 0) return 0;
  if (y <= 0) return 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log(y));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, y) / b;
}

double two_sided_p(double t, double freedom) {
  const double all = freedom + t * t;
  return incomplete_beta(freedom / 2, 0.5, freedom / all, t * t / all);
}

// The t whose two-sided p is kLevel, by bisection.
double critical_t(double freedom) {
  double low = 0, high = 1;
  while (two_sided_p(high, freedom) > kLevel) high *= 2;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (two_sided_p(middle, freedom) > kLevel ? low : high) = middle;
  }
  return high;
}

}  // namespace

WelchTest welch_test(const std::vector<double>& a, const std::vector<double>& b, double shift) {
  const Summary x = summary_of(a), y = summary_of(b);
  WelchTest test{.difference = x.mean - y.mean};
  const double of_a = x.deviation * x.deviation / double(x.n), of_b = y.deviation * y.deviation / double(y.n);
  const double variance = of_a + of_b;
  if (!(variance > 0)) return test;
  const double error = std::sqrt(variance);
  test.freedom = variance * variance / (of_a * of_a / double(x.n - 1) + of_b * of_b / double(y.n - 1));
  test.t = (test.difference - shift) / error;
  test.p = two_sided_p(test.t, test.freedom);
  const double half = critical_t(test.freedom) * error;
  test.low = test.difference - half;
  test.high = test.difference + half;
  return test;
}

}  // namespace skein
