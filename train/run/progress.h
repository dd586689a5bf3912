// Prints the progress of a run to stdout. On a terminal: one line that is redrawn at most ten times a second and keeps
// to the width, at the cost of what matters less. Elsewhere: a plain line at the first step and every ten seconds. In
// both, a line for each epoch.
#pragma once

#include <string>

#include "base/stopwatch.h"
#include "train/metrics.h"

namespace skein {

class ProgressDisplay {
 public:
  // redraw: false prints plain lines on a terminal too, for processes that share it, as under mpirun.
  ProgressDisplay(int64_t epochs, int64_t steps_per_epoch, bool redraw);
  ~ProgressDisplay();
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  void show(const StepMetrics& step);
  void show(const EpochMetrics& epoch);

 private:
  std::string describe(const StepMetrics& step, int64_t width) const;
  void clear();

  const int64_t epochs_, steps_per_epoch_;
  const bool terminal_;
  Clock::time_point drawn_;
  bool bar_ = false;                                // the current line of the terminal is a bar
  int64_t steps_shown_ = 0;                         // by this process
  double recent_seconds_ = 0, recent_wait_ms_ = 0;  // since the last line
  int64_t recent_images_ = 0;
  double seconds_before_ = 0;  // of the epoch, at the step before
  double rate_ = 0,
         wait_share_ = 0;  // images/s, and waiting for data in percent, between the last two lines; 0: unknown
};

}  // namespace skein
