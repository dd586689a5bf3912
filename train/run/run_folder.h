// The folder of one run:
//   config.toml         the merged configuration, for --config and --resume
//   metrics.jsonl       an object per step and per epoch, {"type": "step" | "epoch", ...}
//   summary.csv         a row per epoch; accuracies in percent, seconds since the run began
//   version.txt         the version of skein that began the run
//   checkpoints/{last,best}
//   attempt-N           files of a run that ended before its first checkpoint, where it was started anew
// A folder with files in it is never overwritten. Resuming truncates both logs to the position of the checkpoint.
// RunFailed when a file cannot be written.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/files.h"
#include "train/metrics.h"

namespace skein {

std::string last_folder(const std::string& run);  // checkpoints/last
std::string best_folder(const std::string& run);  // checkpoints/best

// How far the run in a folder has come.
enum class RunProgress : uint8_t {
  none,   // there is no folder, or it is empty
  begun,  // it ended before its first checkpoint
  saved,  // it has checkpoints/last
};
// BadInput where the folder has files and is no run's. Repairs the last checkpoint after a crash between two renames.
RunProgress progress_of(const std::string& run);

class RunFolder {
 public:
  // Creates the folder `out`, or, when that is empty, runs/<date>-<model>-<data>. Of several processes that want the
  // same folder at the same time one gets it; without `out` the others get one with a number. BadInput when the folder
  // has files or cannot be written. With `start_anew`, what a run has left there that ended before its first
  // checkpoint is moved to attempt-1, attempt-2 ... within the folder.
  static std::unique_ptr<RunFolder> create(const std::string& out, const TrainConfig& config, bool start_anew = false);
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
