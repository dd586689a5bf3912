#include "train/geometry/lanczos.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "train/geometry/tridiagonal.h"

namespace skein {
namespace {

constexpr double kNothing = 1e-7;  // a direction that is left over by rounding in f32, as a part of |A|

// y = y + a*x
void add(double a, std::span<const float> x, std::span<float> y) {
  for (size_t i = 0; i < x.size(); ++i) y[i] = float(double(y[i]) + a * double(x[i]));
}

void scale(double a, std::span<float> x) {
  for (float& value : x) value = float(a * double(value));
}

double greatest(const std::vector<double>& ascending) {
  return std::max(std::abs(ascending.front()), std::abs(ascending.back()));
}

RitzValue ritz(const TridiagonalEigen& t, size_t i, double beta) {
  return {t.values[i], beta * std::abs(t.vectors[i].back())};
}

}  // namespace

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double(a[i]) * double(b[i]);
  return sum;
}

double norm(std::span<const float> a) { return std::sqrt(dot(a, a)); }

LanczosResult lanczos(const UnitProduct& product, std::vector<float> start, const LanczosOptions& options) {
  CHECK(options.count >= 1 && options.max_steps >= 1, "{} values in {} steps", options.count, options.max_steps);
  CHECK(norm(start) > 0, "Lanczos starts from zero");
  scale(1 / norm(start), start);
  std::vector<std::vector<float>> q = {std::move(start)};
  std::vector<double> alpha, beta;
  for (;;) {
    std::vector<float> next = product(q.back());
    alpha.push_back(dot(q.back(), next));
    for (int pass = 0; pass < 2; ++pass)
      for (const std::vector<float>& v : q) add(-dot(v, next), v, next);
    const double rest = norm(next);
    const TridiagonalEigen t = tridiagonal_eigen(alpha, beta);
    const size_t n = t.values.size(), found = std::min(n, size_t(options.count));
    const bool complete = rest <= kNothing * greatest(t.values);
    LanczosResult result;
    result.least = ritz(t, 0, rest);
    result.steps = int64_t(n);
    result.converged = complete || n >= size_t(options.count);
    for (size_t i = 0; i < found; ++i) {
      result.largest.push_back(ritz(t, n - 1 - i, rest));
      result.converged &= result.largest.back().residual <= options.tolerance * greatest(t.values);
    }
    if (complete || result.converged || int64_t(n) == options.max_steps) {
      result.top.assign(next.size(), 0.0f);
      for (size_t i = 0; i < n; ++i) add(t.vectors.back()[i], q[i], result.top);
      return result;
    }
    beta.push_back(rest);
    scale(1 / rest, next);
    q.push_back(std::move(next));
  }
}

}  // namespace skein
