// The folder of one run:
//   config.toml         the merged configuration, for --config and --resume
//   metrics.jsonl       an object per step and per epoch, {"type": "step" | "epoch", ...}
//   summary.csv         a row per epoch; accuracies in percent, seconds since the run began
//   version.txt         the version of skein that began it
//   checkpoints/{last,best}
// A folder that holds something is never written over; resuming cuts both logs back to the checkpoint.
#pragma once

#include <chrono>

#include "base/files.h"
#include "train/trainer.h"

namespace skein {

std::string last_folder(const std::string& run);  // checkpoints/last
std::string best_folder(const std::string& run);

class RunFolder {
 public:
  // A new run in `out`, or, when that is empty, in runs/<date>-<model>-<data>. BadInput when that is impossible.
  static std::unique_ptr<RunFolder> create(const std::string& out, const TrainConfig& config);
  static std::unique_ptr<RunFolder> reopen(const std::string& path, const TrainState& state, const TrainConfig& config);

  const std::string& path() const { return path_; }

  void write(const StepMetrics& step);
  void write(const EpochMetrics& epoch);
  void flush();

 private:
  explicit RunFolder(const std::string& path);

  std::string path_;
  AppendFile metrics_, summary_;
  std::chrono::steady_clock::time_point flushed_;
};

}  // namespace skein
