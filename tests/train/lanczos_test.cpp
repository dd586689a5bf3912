// The method of Lanczos on matrices with a known spectrum.
#include "train/geometry/lanczos.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "train/geometry/tridiagonal.h"

namespace skein::testing {
namespace {

// The matrix of second differences: eigenvalues 2 - 2 cos(k pi / (n + 1)).
TEST(Lanczos, TridiagonalMatrixHasItsKnownEigenvalues) {
  for (const size_t n : {1, 2, 3, 50}) {
    const TridiagonalEigen t = tridiagonal_eigen(std::vector<double>(n, 2.0), std::vector<double>(n - 1, -1.0));
    for (size_t k = 0; k < n; ++k) {
      EXPECT_NEAR(t.values[k], 2 - 2 * std::cos(double(k + 1) * M_PI / double(n + 1)), 1e-12);
      const std::vector<double>& v = t.vectors[k];
      double length = 0;
      for (size_t i = 0; i < n; ++i) {
        const double above = i > 0 ? v[i - 1] : 0, below = i + 1 < n ? v[i + 1] : 0;
        EXPECT_NEAR(2 * v[i] - above - below, t.values[k] * v[i], 1e-12);
        length += v[i] * v[i];
      }
      EXPECT_NEAR(length, 1, 1e-12);
    }
  }
}

// A = R diag(spectrum) R with a reflection R = 1 - 2 r r'.
struct KnownMatrix {
  std::vector<double> spectrum, r;

  explicit KnownMatrix(std::vector<double> values) : spectrum(std::move(values)), r(spectrum.size()) {
    double square = 0;
    for (size_t i = 0; i < r.size(); ++i) {
      r[i] = std::sin(double(i) + 1);
      square += r[i] * r[i];
    }
    for (double& x : r) x /= std::sqrt(square);
  }
  std::vector<double> reflect(std::vector<double> x) const {
    double sum = 0;
    for (size_t i = 0; i < x.size(); ++i) sum += r[i] * x[i];
    for (size_t i = 0; i < x.size(); ++i) x[i] -= 2 * sum * r[i];
    return x;
  }
  std::vector<float> operator()(std::span<const float> q) const {
    std::vector<double> x = reflect({q.begin(), q.end()});
    for (size_t i = 0; i < x.size(); ++i) x[i] *= spectrum[i];
    x = reflect(std::move(x));
    return {x.begin(), x.end()};
  }
  std::vector<float> start() const { return std::vector<float>(r.size(), 1.0f); }
};

std::vector<double> bulk_and(const std::vector<double>& outliers) {
  std::vector<double> spectrum = outliers;
  for (int i = 0; i < 200; ++i) spectrum.push_back(double(i) / 200);
  return spectrum;
}

TEST(Lanczos, FindsTheLargestEigenvaluesWithTheirResiduals) {
  const KnownMatrix a(bulk_and({30, 12, 11.5, -20}));
  const LanczosResult found = lanczos(a, a.start(), {.count = 3, .tolerance = 1e-4});
  ASSERT_EQ(found.largest.size(), 3u);
  EXPECT_TRUE(found.converged);
  EXPECT_LT(found.steps, 30);
  const double expected[] = {30, 12, 11.5};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_LE(found.largest[i].residual, 1e-4 * 30);
    EXPECT_NEAR(found.largest[i].value, expected[i], found.largest[i].residual + 1e-5);
  }
  EXPECT_NEAR(found.least.value, -20, 1e-3);
  const std::vector<float> product = a(found.top);
  for (size_t i = 0; i < product.size(); ++i) EXPECT_NEAR(product[i], 30 * found.top[i], 30 * 1e-4);
  EXPECT_NEAR(norm(found.top), 1, 1e-6);
}

TEST(Lanczos, SaysWhatHasNotConverged) {
  const KnownMatrix a(bulk_and({30, 12, 11.9}));
  const LanczosResult found = lanczos(a, a.start(), {.count = 3, .max_steps = 4, .tolerance = 1e-6});
  EXPECT_EQ(found.steps, 4);
  EXPECT_FALSE(found.converged);
  EXPECT_GT(found.largest[2].residual, 1e-2);
  for (const RitzValue& value : found.largest) {  // an eigenvalue lies within the residual
    double nearest = 100;
    for (const double x : a.spectrum) nearest = std::min(nearest, std::abs(x - value.value));
    EXPECT_LE(nearest, value.residual * (1 + 1e-5));
  }
}

TEST(Lanczos, EndsWhereTheMatrixDoes) {
  const KnownMatrix a({5, 3, 3, 3, -1});  // one of the three equal ones is seen
  const LanczosResult found = lanczos(a, a.start(), {.count = 10});
  ASSERT_EQ(found.largest.size(), 3u);
  EXPECT_TRUE(found.converged);
  EXPECT_NEAR(found.largest[0].value, 5, 1e-5);
  EXPECT_NEAR(found.largest[1].value, 3, 1e-5);
  EXPECT_NEAR(found.least.value, -1, 1e-5);
}
}  // namespace
}  // namespace skein::testing
