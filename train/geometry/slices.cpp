#include "train/geometry/slices.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "train/geometry/directions.h"

namespace skein {
namespace {

constexpr double kSamePlace = 1e-9;

std::vector<double> even_places(int64_t points, double from, double to) {
  std::vector<double> places;
  for (int64_t i = 0; i < points; ++i) places.push_back(from + (to - from) * double(i) / double(points - 1));
  return places;
}

}  // namespace

std::vector<double> line_places(int64_t points, double beyond) {
  CHECK(points >= 2, "a line of {} points", points);
  std::vector<double> places = even_places(points, -beyond, 1 + beyond);
  for (const double model : {0.0, 1.0}) {
    const auto at = std::find_if(places.begin(), places.end(), [&](double t) { return t > model - kSamePlace; });
    if (at == places.end() || *at > model + kSamePlace)
      places.insert(at, model);
    else
      *at = model;
  }
  return places;
}

std::vector<LinePoint> losses_on_line(LossSurface& surface, std::span<const float> a, std::span<const float> b,
                                      const std::vector<double>& places, Loader* test, StepContext& context) {
  CHECK(a.size() == b.size(), "a line between {} and {} parameters", a.size(), b.size());
  std::vector<LinePoint> line;
  std::vector<float> w(a.size());
  for (const double t : places) {
    for (size_t i = 0; i < w.size(); ++i) w[i] = float((1 - t) * double(a[i]) + t * double(b[i]));
    surface.set(w);
    LinePoint& point = line.emplace_back(LinePoint{t, surface.evaluate(), {}});
    if (test) point.test = evaluate(surface.model(), *test, context.tape);
  }
  return line;
}

Plane losses_on_plane(LossSurface& surface, int64_t side, double extent, uint64_t seed) {
  CHECK(side >= 2, "a plane of {} points", side);
  const std::vector<float> w = surface.parameters();
  const std::vector<float> d1 = filter_normalised_direction(surface.store(), w, seed, 0),
                           d2 = filter_normalised_direction(surface.store(), w, seed, 1);
  Plane plane{even_places(side, -extent, extent), {}};
  std::vector<float> moved(w.size());
  for (const double y : plane.places) {
    plane.z.emplace_back();
    for (const double x : plane.places) {
      for (size_t i = 0; i < w.size(); ++i) moved[i] = float(double(w[i]) + x * double(d1[i]) + y * double(d2[i]));
      surface.set(moved);
      plane.z.back().push_back(surface.evaluate());
    }
  }
  surface.set(w);
  return plane;
}

}  // namespace skein
