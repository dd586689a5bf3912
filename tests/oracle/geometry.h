// Curvature of a network on one batch for comparison with PyTorch's double backward (tests/oracle/geometry_check.py):
// the weights, images and labels of tests/oracle/oracle.h, the three largest eigenvalues, and z' H z of four probes.
#pragma once

#include "tests/oracle/oracle.h"
#include "train/geometry/curvature.h"

namespace skein {

struct GeometryRun {
  std::map<std::string, OracleTensor> inputs;  // param.NAME, images.0, labels.0; probe.NUMBER.NAME, of signs
  double loss = 0;
  Eigenvalues eigenvalues;
  std::vector<double> forms;
};

constexpr int64_t kOracleProbes = 4;
constexpr double kOracleStep = 1.0 / 16;  // of the eigenvalues: no ReLU is near its kink

GeometryRun run_geometry(OracleSettings settings);

}  // namespace skein
