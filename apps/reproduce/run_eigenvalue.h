// The largest eigenvalue of the Hessian of the training loss at the end of a run, for claims about flat minima: at the
// last checkpoint, as `skein geometry` measures it, with the same images and batch for every run.
//
//   RUN/eigenvalue.json   the value with how it was computed; of no account where the run has gone on since
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/formats/json.h"
#include "train/run/inference.h"

namespace skein {

struct Study;
struct StudyRun;

struct RunEigenvalue {
  double value = 0, residual = 0, step_error = 0;
  bool converged = false;
  int64_t images = 0, batch = 0, products = 0;

  // Whether the residual, which bounds the error, is at most a tenth of the value. Others decide nothing.
  bool is_certain() const { return residual <= 0.1 * value; }
};
Json to_json(const RunEigenvalue& e);
RunEigenvalue eigenvalue_of(const Json& json);  // JsonError

// None where it was not measured at this step of the run. BadInput where the file is damaged.
std::optional<RunEigenvalue> read_eigenvalue(const std::string& folder, int64_t step);

bool wants_eigenvalue(const Study& study, const std::string& setting);  // a claim is about its runs
// Runs that are done, whose claims want an eigenvalue, which they lack, and that have a checkpoint to measure it at.
std::vector<const StudyRun*> unmeasured(const Study& study);

// Measures it and writes the file.
void measure_eigenvalue(const std::string& folder, const InferenceMachine& machine);

}  // namespace skein
