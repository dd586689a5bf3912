#include "train/geometry/curvature.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/statistics/statistics.h"
#include "train/geometry/directions.h"

namespace skein {
namespace {

constexpr double kRelativeStep = 1.0 / 256;

}  // namespace

Hessian::Hessian(LossSurface& surface) : surface_(surface), w_(surface.parameters()) {
  const double count = double(surface.store().count());
  mean_square_ = dot(w_, w_) / count;
}

double Hessian::step(std::span<const float> u) const {
  double sum = 0;
  for (const Segment& s : surface_.store().segments()) {
    const auto part = [&](std::span<const float> x) { return x.subspan(size_t(s.begin), size_t(s.count)); };
    const double of_u = dot(part(u), part(u)), of_w = dot(part(w_), part(w_));
    if (of_u > 0) sum += of_u / std::max(of_w, double(s.count) * mean_square_);
  }
  const double length = std::sqrt(sum);
  return length > 0 && std::isfinite(length) ? kRelativeStep / length : kRelativeStep;
}

std::vector<float> Hessian::product(std::span<const float> u, double factor) {
  const double h = factor * step(u);
  const auto gradient_at = [&](double distance) {
    std::vector<float> w(w_.size());
    for (size_t i = 0; i < w.size(); ++i) w[i] = float(double(w_[i]) + distance * double(u[i]));
    return surface_.gradient(w);
  };
  std::vector<float> result = gradient_at(h);
  const std::vector<float> below = gradient_at(-h);
  for (size_t i = 0; i < result.size(); ++i) result[i] = float((double(result[i]) - double(below[i])) / (2 * h));
  surface_.set(w_);
  ++products_;
  return result;
}

Eigenvalues largest_eigenvalues(Hessian& hessian, const CurvatureOptions& options) {
  const int64_t before = hessian.products();
  const auto product = [&](std::span<const float> u) { return hessian.product(u, options.step_factor); };
  const LanczosResult found =
      lanczos(product, normal_direction(hessian.surface().store(), options.seed, 0), options.lanczos);
  Eigenvalues e{.largest = found.largest, .least = found.least, .converged = found.converged};
  const std::span<const float> u = found.top;
  const std::vector<float> once = hessian.product(u, options.step_factor),
                           twice = hessian.product(u, 2 * options.step_factor);
  double square = 0;
  for (size_t i = 0; i < once.size(); ++i) square += std::pow(double(once[i]) - e.largest[0].value * double(u[i]), 2);
  e.largest[0].residual = std::sqrt(square);
  e.products = hessian.products() - before;
  e.step = options.step_factor * hessian.step(u);
  e.step_error = std::abs(dot(u, once) - dot(u, twice));
  return e;
}

Trace trace(Hessian& hessian, int64_t probes, uint64_t seed, double step_factor) {
  CHECK(probes >= 2, "{} probes", probes);
  const double count = double(hessian.surface().store().count());
  std::vector<double> forms;
  for (int64_t p = 0; p < probes; ++p) {
    std::vector<float> z = sign_direction(hessian.surface().store(), seed, uint32_t(p));
    for (float& x : z) x = float(double(x) / std::sqrt(count));
    forms.push_back(count * dot(z, hessian.product(z, step_factor)));
  }
  const Summary s = summary_of(forms);
  return {s.mean, s.deviation / std::sqrt(double(probes))};
}

}  // namespace skein
