// The folder of one run:
//   config.toml         the merged configuration, for --config and --resume
//   metrics.jsonl       an object per step and per epoch, {"type": "step" | "epoch", ...}
//   summary.csv         a row per epoch; accuracies in percent, seconds since the run began
//   version.txt         the version of skein that began the run
//   checkpoints/{last,best}
// A folder with files in it is never overwritten. Resuming truncates both logs to the position of the checkpoint.
// RunFailed when a file cannot be written.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/files.h"
#include "train/metrics.h"

namespace skein {

std::string last_folder(const std::string& run);  // checkpoints/last
std::string best_folder(const std::string& run);  // checkpoints/best

class RunFolder {
 public:
  // Creates the folder `out`, or, when that is empty, runs/<date>-<model>-<data>. BadInput when it has files or cannot
  // be written.
  static std::unique_ptr<RunFolder> create(const std::string& out, const TrainConfig& config);
  // Opens the folder of a run that goes on; removes the lines of its logs that are after `state`.
  static std::unique_ptr<RunFolder> reopen(const std::string& path, const TrainState& state, const TrainConfig& config);

  const std::string& path() const { return path_; }

  void write(const StepMetrics& step);  // flushes once a second
  void write(const EpochMetrics& epoch);
  void flush();

 private:
  explicit RunFolder(const std::string& path);

  std::string path_;
  AppendFile metrics_, summary_;
  std::chrono::steady_clock::time_point flushed_;
};

}  // namespace skein
