// What a training run shows. On a terminal: one line that is redrawn at most ten times a second, cut to the width.
// Elsewhere: a plain line at the first step and every ten seconds. Lines of epochs are the same in both.
#pragma once

#include <chrono>
#include <string>

#include "train/trainer.h"

namespace skein {

class ProgressDisplay {
 public:
  // redraw: false where the terminal is not this program's alone, as mpirun's is not.
  ProgressDisplay(int64_t epochs, int64_t steps_per_epoch, bool redraw);
  ~ProgressDisplay();
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  void show(const StepMetrics& step);
  void show(const EpochMetrics& epoch);

 private:
  using Clock = std::chrono::steady_clock;
  std::string describe(const StepMetrics& step, int64_t width) const;
  void clear();

  const int64_t epochs_, steps_per_epoch_;
  const bool terminal_;
  Clock::time_point drawn_;
  bool bar_ = false;  // the cursor stands behind a bar
  double recent_seconds_ = 0, recent_wait_ms_ = 0, seconds_before_ = 0;
  double rate_ = 0, wait_share_ = 0;  // images/s and data wait in percent, since the line before
  int64_t recent_images_ = 0;
};

// "4 min 07 s"
std::string format_duration(double seconds);

}  // namespace skein
