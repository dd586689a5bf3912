#include "train/geometry/tridiagonal.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.h"

namespace skein {
namespace {

constexpr int kMostSweeps = 60;  // per eigenvalue; two are usual

// The first row m >= l after which the matrix falls apart, as the number beside the diagonal is nothing.
size_t end_of_block(const std::vector<double>& d, const std::vector<double>& e, size_t l) {
  size_t m = l;
  while (m + 1 < d.size() &&
         std::abs(e[m]) > std::numeric_limits<double>::epsilon() * (std::abs(d[m]) + std::abs(d[m + 1])))
    ++m;
  return m;
}

// One implicit QL step on rows l to m: plane rotations from the lower end up. z[i]: the eigenvector of d[i] so far.
void ql_step(std::vector<double>& d, std::vector<double>& e, std::vector<std::vector<double>>& z, size_t l, size_t m) {
  double g = (d[l + 1] - d[l]) / (2 * e[l]), r = std::hypot(g, 1.0);
  g = d[m] - d[l] + e[l] / (g + std::copysign(r, g));  // d[m] minus Wilkinson's shift
  double s = 1, c = 1, p = 0;
  for (size_t i = m; i-- > l;) {
    const double f = s * e[i], b = c * e[i];
    r = std::hypot(f, g);
    e[i + 1] = r;
    if (r == 0) {  // the matrix has fallen apart
      d[i + 1] -= p;
      e[m] = 0;
      return;
    }
    s = f / r, c = g / r;
    g = d[i + 1] - p;
    r = (d[i] - g) * s + 2 * c * b;
    p = s * r;
    d[i + 1] = g + p;
    g = c * r - b;
    for (size_t k = 0; k < d.size(); ++k) {
      const double lower = z[i + 1][k];
      z[i + 1][k] = s * z[i][k] + c * lower;
      z[i][k] = c * z[i][k] - s * lower;
    }
  }
  d[l] -= p;
  e[l] = g;
  e[m] = 0;
}

}  // namespace

TridiagonalEigen tridiagonal_eigen(std::vector<double> d, std::vector<double> e) {
  const size_t n = d.size();
  CHECK(n >= 1 && e.size() == n - 1, "{} numbers beside a diagonal of {}", e.size(), n);
  e.push_back(0);
  std::vector<std::vector<double>> z(n, std::vector<double>(n, 0.0));
  for (size_t i = 0; i < n; ++i) z[i][i] = 1;
  for (size_t l = 0; l < n; ++l)
    for (int sweep = 0;; ++sweep) {
      const size_t m = end_of_block(d, e, l);
      if (m == l) break;
      CHECK(sweep < kMostSweeps, "eigenvalue {} of {} does not converge", l, n);
      ql_step(d, e, z, l, m);
    }
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return d[a] < d[b]; });
  TridiagonalEigen result;
  for (const size_t i : order) {
    result.values.push_back(d[i]);
    result.vectors.push_back(std::move(z[i]));
  }
  return result;
}

}  // namespace skein
