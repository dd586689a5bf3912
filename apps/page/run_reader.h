// Follows the folder of a run and gathers what the page shows of it. Each update() reads only what was written since
// the last one, so following a run costs little beside it. A log that has become shorter, or is another file, as after
// a resume, is read from the start.
//
// Lines and keys: docs/metrics.md. Every key may be missing, for runs of earlier versions. Lines that cannot be read
// are counted; one without its line break is being written and waits for the next update.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/page/layer_facts.h"
#include "apps/page/thin_series.h"
#include "train/log/run_log.h"

namespace skein {

class RunReader {
 public:
  // BadInput where the folder is not a run's or its config.toml cannot be read.
  explicit RunReader(const std::string& folder);

  // True where the page would show something else than before. BadInput where the log is of a schema that this version
  // does not read.
  bool update();

  const RunLog& log() const { return log_; }
  // done, running, stopped, or stalled: silent for a minute, and its last step is not in its last checkpoint.
  const std::string& status() const { return status_text_; }
  int64_t last_step() const { return int64_t(series_.last_step); }
  const Json& last_round() const { return series_.round; }  // the last line {"type": "round"}; null: none
  // `name`: how the page calls the run. `picture_bytes`: bound of the pictures of worst predictions, in base64.
  Json facts(const std::string& name, size_t picture_bytes) const;

 private:
  struct Series {
    ThinSeries loss, lr, h, distance, h_of_steps;  // h_of_steps: from the averagings that step lines note
    std::vector<EpochLog> epochs;
    std::vector<double> ema_top1, compute_seconds;  // by epoch
    std::map<std::string, double> part_seconds;     // sums over the epochs
    std::vector<double> class_top1;                 // of the last epoch that has it
    Json round;                                     // the last line of its type
    Json about;                                     // the last line {"type": "run"}
    double last_round_step = 0, last_step = 0;
    int64_t infinite_losses = 0;
  };

  void read_lines();
  void read_line(const std::string& line);
  void read_run(const Json& line);
  void read_step(std::string_view line);
  void read_round(const Json& line);
  void read_epoch(const Json& line);
  bool read_evaluation();
  bool stalled() const;
  Json epochs() const;
  Json parts() const;
  void add_evaluation(Json& facts, size_t picture_bytes) const;

  RunLog log_;
  Series series_;
  LayerFacts layers_;
  Json evaluation_;  // evaluation.json; null: there is none
  std::string version_, evaluation_note_, status_text_;
  int64_t offset_ = 0;              // bytes of metrics.jsonl that are read
  uint64_t file_ = 0;               // its inode
  int64_t evaluation_written_ = 0;  // time of evaluation.json that was read
  bool cut_ = false;                // the last line has no line break
};

}  // namespace skein
