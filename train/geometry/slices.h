// The loss surface along lines and planes through models.
//
//   line    w_a + t (w_b - w_a)                t = 0 and 1 are the models a and b; t below 0 and above 1 lie beyond
//   plane   w + x d_1 + y d_2                  d: filter-normalised directions (train/geometry/directions.h)
//
// Losses far from a model may be infinite or no number; they are results.
#pragma once

#include <optional>

#include "train/evaluation/evaluation.h"
#include "train/geometry/loss_surface.h"

namespace skein {

struct LinePoint {
  double t = 0;
  LossPoint train;  // batch norms by the statistics of each batch
  std::optional<Score> test;
};

// `points` places, the same distance apart, from -beyond to 1 + beyond, and 0 and 1 where they are not among them.
std::vector<double> line_places(int64_t points, double beyond);

// test, if not null: loader of an evaluation on the whole test set. Running statistics are computed anew at each place,
// as the mean of the sample's batches.
std::vector<LinePoint> losses_on_line(LossSurface& surface, std::span<const float> a, std::span<const float> b,
                                      const std::vector<double>& places, Loader* test, StepContext& context);

struct Plane {
  std::vector<double> places;             // of x and of y
  std::vector<std::vector<LossPoint>> z;  // z[row y][column x]
};
// side x side places from -extent to extent. The directions depend on `seed` and the lengths of w's filters.
Plane losses_on_plane(LossSurface& surface, int64_t side, double extent, uint64_t seed);

}  // namespace skein
