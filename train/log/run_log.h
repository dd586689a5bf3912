// Reads a run folder (train/run/run_folder.h) without changing it: configuration, epochs, status. The run may be done,
// stopped, or being written by another process at this moment. Lines that cannot be read are counted, not dropped
// silently: the last one may be cut short while the run writes it.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/enum_names.h"

namespace skein {

class Json;

// done: all epochs are logged. running: a line was written within the last minute. stopped: neither.
enum class RunStatus : uint8_t { done, running, stopped };
constexpr auto names_of(RunStatus) { return std::array{"done", "running", "stopped"}; }

constexpr double kNotMeasured = std::numeric_limits<double>::quiet_NaN();

// A line {"type": "epoch"} of metrics.jsonl. Accuracies in percent, times in seconds since the run began; NaN where the
// line has no number, as for a loss that was not finite.
struct EpochLog {
  int64_t epoch = 0, step = 0;
  double lr = kNotMeasured, train_loss = kNotMeasured, train_top1 = kNotMeasured;
  double test_loss = kNotMeasured, test_top1 = kNotMeasured, test_top5 = kNotMeasured;
  double local_test_top1 = kNotMeasured;  // mean over the workers' own models
  double images_per_second = kNotMeasured, seconds = kNotMeasured;
  double compute_seconds = kNotMeasured;  // of this epoch: the slowest worker's in each step
  // Sums since the run began: averagings among all workers and within blocks, bytes sent by worker 0.
  int64_t world_rounds = 0, block_rounds = 0, bytes = 0;
  double network_seconds = kNotMeasured;  // on the network of --net
};

struct RunLog {
  std::string folder;
  std::map<std::string, std::string> settings;  // of config.toml: key, and value as TOML
  std::vector<EpochLog> epochs;
  RunStatus status = RunStatus::stopped;
  int64_t planned_epochs = 0;
  int64_t unread_lines = 0;  // of metrics.jsonl: not JSON, or an epoch without its number

  // The epoch with the highest test accuracy; the first of equals. Null without a finite one.
  const EpochLog* best() const;
};

// True for a folder with config.toml and metrics.jsonl.
bool is_run_folder(const std::string& folder);

// BadInput names the file where the folder is not a run's, config.toml is not TOML or metrics.jsonl has another schema.
RunLog read_run_log(const std::string& folder);

// The steps of read_run_log(), for a reader that follows a log while it grows: the configuration of `log.folder`, a
// line of an epoch (JsonError without its number or step), the status by the epochs and by the time of the last line.
void read_settings(RunLog& log);
EpochLog parse_epoch(const Json& line);
double number_of(const Json& line, const char* key);  // kNotMeasured: the key is missing or its value is no number
RunStatus status_of(const RunLog& log);
double seconds_since_line(const std::string& folder);  // infinite without metrics.jsonl

// The runs below `folder`, or `folder` itself when it is a run; in the order of their paths. Links are not followed.
// BadInput where there is no such folder.
std::vector<std::string> find_runs(const std::string& folder);

// The keys whose values are not the same in all runs. Keys that a run's file lacks, as it was written by another
// version, have the default of this version.
std::vector<std::string> differing_settings(const std::vector<RunLog>& runs);

}  // namespace skein
