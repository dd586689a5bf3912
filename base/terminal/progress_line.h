// A line on the terminal that shows how far long work has come:
//   evaluating  12800/50000 images  1630 img/s  23 s left
// It appears when the work has taken two seconds, is redrawn at most ten times a second, cut to the width, and is gone
// when the object is destroyed. It goes to stderr, and only if that is a terminal: pipes and logs get nothing.
#pragma once

#include <unistd.h>

#include <mutex>
#include <string>

#include "base/stopwatch.h"

namespace skein {

class ProgressLine {
 public:
  // `what`: the work, "evaluating"; `total`: number of images, 0 where files are counted whose number is unknown;
  // `quiet_seconds`: no line before.
  ProgressLine(std::string what, int64_t total, double quiet_seconds = 2, int terminal = STDERR_FILENO);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void add(int64_t images);  // thread-safe

 private:
  const std::string what_;
  const int64_t total_;
  const int terminal_;  // file descriptor; -1: not a terminal
  std::mutex mutex_;
  Clock::time_point begin_, next_;  // of the work; when the line may be drawn
  int64_t done_ = 0;
  bool drawn_ = false;
};

}  // namespace skein
