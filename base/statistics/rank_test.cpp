#include "base/statistics/rank_test.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.h"

namespace skein {
namespace {

constexpr size_t kMostExactPairs = 2500;
constexpr double kLevel = 0.05;

// P(U = u) for u = 0 .. n m, without ties: the greatest of all values is one of a with probability n / (n + m), and
// then exceeds all m of b. Row i of the recursion holds samples of i and j values, for all j.
std::vector<double> distribution_of_u(size_t n, size_t m) {
  std::vector<std::vector<double>> row(m + 1, std::vector<double>{1.0});
  for (size_t i = 1; i <= n; ++i) {
    std::vector<std::vector<double>> next(m + 1);
    next[0] = {1.0};
    for (size_t j = 1; j <= m; ++j) {
      next[j].assign(i * j + 1, 0.0);
      const double of_a = double(i) / double(i + j), of_b = double(j) / double(i + j);
      for (size_t u = 0; u < row[j].size(); ++u) next[j][u + j] += of_a * row[j][u];
      for (size_t u = 0; u < next[j - 1].size(); ++u) next[j][u] += of_b * next[j - 1][u];
    }
    row = std::move(next);
  }
  return row[m];
}

// The sum of t^3 - t over groups of t equal values; 0: no ties. `sorted`: all values.
double tie_term(const std::vector<double>& sorted) {
  double sum = 0;
  for (size_t i = 0; i < sorted.size();) {
    const size_t begin = i;
    while (i < sorted.size() && sorted[i] == sorted[begin]) ++i;
    const double t = double(i - begin);
    sum += t * t * t - t;
  }
  return sum;
}

double count_pairs(const std::vector<double>& a, const std::vector<double>& b) {
  double u = 0;
  for (const double x : a)
    for (const double y : b) u += x > y ? 1.0 : x == y ? 0.5 : 0.0;
  return u;
}

double normal_p(double u, double n, double m, double ties) {
  const double all = n + m, deviation = std::sqrt(n * m / 12 * (all + 1 - ties / (all * (all - 1))));
  if (deviation == 0) return 1;  // all values are equal
  const double z = (std::max(u, n * m - u) - n * m / 2 - 0.5) / deviation;
  return std::min(1.0, std::erfc(z / std::sqrt(2.0)));
}

// The number of pairs that lie outside the 95 % interval on each side, counted from 1; 0: the samples are too small.
size_t pairs_outside(size_t n, size_t m) {
  if (n * m > kMostExactPairs) {
    const double pairs = double(n * m), deviation = std::sqrt(pairs * double(n + m + 1) / 12);
    return size_t(std::max(0.0, std::floor(pairs / 2 - 1.959963984540054 * deviation)));
  }
  const std::vector<double> probability = distribution_of_u(n, m);
  double below = 0;
  size_t k = 0;
  while (k < probability.size() && below + probability[k] <= kLevel / 2) below += probability[k++];
  return k;
}

}  // namespace

RankTest rank_test(const std::vector<double>& a, const std::vector<double>& b) {
  CHECK(!a.empty() && !b.empty(), "samples of {} and {} values", a.size(), b.size());
  std::vector<double> all = a;
  all.insert(all.end(), b.begin(), b.end());
  std::sort(all.begin(), all.end());
  const double u = count_pairs(a, b), ties = tie_term(all);
  if (ties > 0 || a.size() * b.size() > kMostExactPairs)
    return {u, normal_p(u, double(a.size()), double(b.size()), ties), false};
  const std::vector<double> probability = distribution_of_u(a.size(), b.size());
  const size_t greater = size_t(std::max(u, double(a.size() * b.size()) - u));
  const double tail = std::accumulate(probability.begin() + std::ptrdiff_t(greater), probability.end(), 0.0);
  return {u, std::min(1.0, 2 * tail), true};
}

double smallest_p(size_t n, size_t m) {
  double ways = 1;
  for (size_t i = 1; i <= n; ++i) ways *= double(m + i) / double(i);
  return std::min(1.0, 2 / ways);
}

Ratio ratio_of(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> ratios;
  for (const double x : a)
    for (const double y : b) ratios.push_back(y / x);
  std::sort(ratios.begin(), ratios.end());
  const size_t n = ratios.size(), k = pairs_outside(a.size(), b.size());
  const double middle = (ratios[(n - 1) / 2] + ratios[n / 2]) / 2;
  if (k == 0) return {middle, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
  return {middle, ratios[k - 1], ratios[n - k]};
}

std::vector<double> holm(const std::vector<double>& p) {
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t i, size_t j) { return p[i] < p[j]; });
  std::vector<double> corrected(p.size());
  double before = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    before = std::min(1.0, std::max(before, p[order[i]] * double(p.size() - i)));
    corrected[order[i]] = before;
  }
  return corrected;
}

}  // namespace skein
