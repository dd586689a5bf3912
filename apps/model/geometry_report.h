// What `skein geometry` has measured, as text, as JSON and as CSV.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/formats/json.h"
#include "train/geometry/curvature.h"
#include "train/geometry/slices.h"

namespace skein {

struct CheckpointGeometry {
  std::string checkpoint, model;
  int64_t epoch = 0;
  LossPoint train;
  std::optional<Eigenvalues> eigenvalues;
  std::optional<Trace> trace;
  std::optional<Plane> plane;
  double product_seconds = 0;  // mean time of a Hessian-vector product
};

struct GeometryReport {
  std::string data;
  LossSample sample;
  int64_t probes = 0;  // of a trace
  std::vector<CheckpointGeometry> checkpoints;
  std::vector<LinePoint> line;  // from the first checkpoint to the second; empty: none
};

std::string text_of(const GeometryReport& report);
Json json_of(const GeometryReport& report);
Json json_of(const Eigenvalues& e);
// Lines checkpoint,quantity,x,y,value. x: number of an eigenvalue, place on the line or in the plane.
std::string csv_of(const GeometryReport& report);

}  // namespace skein
