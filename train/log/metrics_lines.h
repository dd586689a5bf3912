// Lines of metrics.jsonl as JSON objects. docs/metrics.md has every key with its unit. Numbers that are not finite are
// null.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/formats/json.h"
#include "train/metrics.h"

namespace skein {

// Version of the format. Readers refuse another one, and ignore keys and types that they do not know.
constexpr int kMetricsSchema = 1;

// Description of a run, for its first line and for a line at every resume.
struct RunDescription {
  std::vector<std::string> command;  // as it was typed; empty: the run was started by a program
  std::string cpu, gpu;              // of rank 0; empty: the run computes without a GPU
  std::vector<std::string> hosts;    // of the processes, each once
  int64_t threads = 0;               // of each worker
  int64_t workers = 1, parameters = 0, epochs = 0, steps_per_epoch = 0;
  std::string model;
  std::vector<std::string> classes;
  std::vector<int64_t> image;  // height, width, channels of the network's input
  int64_t start_step = 0;      // steps done before
};

Json run_line(const RunDescription& run);
Json step_line(const StepMetrics& step);
Json round_line(const StepMetrics& step);  // of a step with an averaging after it
// checkpoint_seconds: time of the checkpoints written since the last epoch's line.
Json epoch_line(const EpochMetrics& epoch, double checkpoint_seconds, size_t classes);

// BadInput names the file where a line {"type":"run"} of a log has another schema than this version reads.
void check_schema(const Json& run_line, const std::string& path);

}  // namespace skein
