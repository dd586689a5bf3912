// The folder of one run:
//   config.toml         the merged configuration, for --config and --resume
//   metrics.jsonl       a line per start, step, averaging and epoch: train/log/metrics_lines.h, docs/metrics.md
//   evaluation.json     predictions of the best epoch's model: train/log/evaluation_file.h
//   events.out.tfevents.*   the numbers of metrics.jsonl and more for TensorBoard: train/log/event_file.h
//   metrics.prom        the newest numbers for Prometheus: train/log/prometheus.h
//   summary.csv         a row per epoch; accuracies in percent, seconds since the run began
//   version.txt         the version of skein that began the run
//   checkpoints/{last,best}, and with --keep last-1, last-2 ..., the ones before the last; last.damaged, where the run
//                       could not go on from the last; best.abandoned, where it went on from an earlier one
//   run.lock            there while a process writes in the folder: one at a time
//   membership.jsonl, chair.json, members.lock   of an elastic run (train/elastic)
//   attempt-N           files of a run that ended before its first checkpoint, where it was started anew
// A folder with files in it is never overwritten. Resuming truncates the logs to the position of the checkpoint.
// RunFailed when a file cannot be written.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/terminal/output_lock.h"
#include "train/log/evaluation_file.h"
#include "train/log/event_file.h"
#include "train/log/metrics_lines.h"
#include "train/metrics.h"

namespace skein {

std::string last_folder(const std::string& run);  // checkpoints/last
std::string best_folder(const std::string& run);  // checkpoints/best

// The folders of all checkpoints of a run, the newest first: last, those before it (--keep), best. Repairs the last one
// after a crash between two renames.
std::vector<std::string> checkpoints_of(const std::string& run);
// The best checkpoint of a run is of a later epoch: the run goes on without it, and has no best one yet.
bool is_best_later(const std::string& run, int64_t epoch);
// Before a run goes on after an epoch: renames a last checkpoint that is damaged to last.damaged, since it would be kept as
// the one before the next, in the place of one that is whole (--keep); renames a best one of a later epoch
// to best.abandoned, since the logs that belong to it are cut back; and removes what was not finished by processes that
// were killed.
void tidy_checkpoints(const std::string& run, int64_t epoch);

// How far the run in a folder has come.
enum class RunProgress : uint8_t {
  none,   // there is no folder, or it is empty
  begun,  // it ended before its first checkpoint
  saved,  // it has a checkpoint
};
// BadInput where the folder has files and is no run's. Repairs as checkpoints_of().
RunProgress progress_of(const std::string& run);

// The right to write in a run's folder. BadInput, with the number and host of the other process, where one writes in
// it.
std::unique_ptr<OutputLock> lock_run(const std::string& run);

class RunFolder {
 public:
  // Creates the folder `out`, or, when that is empty, runs/<date>-<model>-<data>. Of several processes that want the
  // same folder at the same time one gets it; without `out` the others get one with a number. BadInput when the folder
  // has files or cannot be written. With `start_anew`, what a run has left there that ended before its first
  // checkpoint is moved to attempt-1, attempt-2 ... within the folder. `held`: the lock of `out`, if the caller has it.
  static std::unique_ptr<RunFolder> create(const std::string& out, const TrainConfig& config, bool start_anew = false,
                                           std::unique_ptr<OutputLock> held = nullptr);
  // Opens the folder of a run that goes on; removes the lines of its logs that are after `state`. A log that is gone
  // starts anew, with a note. BadInput if the lines are of another schema. lock: null where a process holds it that
  // does not write any more. may_write: asked right before each file is replaced; where it says no, the result is null.
  static std::unique_ptr<RunFolder> reopen(const std::string& path, const TrainState& state, const TrainConfig& config,
                                           std::unique_ptr<OutputLock> lock,
                                           const std::function<bool()>& may_write = {});

  const std::string& path() const { return path_; }

  // The start of this process. `config`: with its settings.
  void write(const RunDescription& run, const TrainConfig& config);
  void write_first_batch(const std::vector<Picture>& pictures);
  // Steps without an averaging are thinned to every `log_every`-th. Flushes once a second.
  void write(const StepMetrics& step, int64_t log_every);
  // checkpoint_seconds: time of the checkpoints written since the last epoch's line.
  void write(const EpochMetrics& epoch, double checkpoint_seconds, const Dataset& test);
  void write_end(const TrainState& state, bool done);  // done: not stopped
  void flush();

 private:
  RunFolder(const std::string& path, int64_t step, std::unique_ptr<OutputLock> lock);
  void write_line(const Json& line, int64_t step);
  void write_worst(const EpochMetrics& epoch, const std::vector<WorstPrediction>& worst);
  void write_prometheus();

  std::string path_;
  std::unique_ptr<OutputLock> lock_;
  AppendFile metrics_, summary_;
  EventFile events_;
  std::vector<std::string> classes_;
  std::map<std::string, std::string> labels_;  // of metrics.prom
  std::map<std::string, double> newest_;       // its numbers
  std::chrono::steady_clock::time_point flushed_, exported_;
};

}  // namespace skein
