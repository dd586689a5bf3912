// When a long wait is reported: after `first` seconds, and then after twice as long each time, unless it is a usual
// one.
#pragma once

#include <algorithm>
#include <chrono>

namespace skein {

class WaitReport {
 public:
  explicit WaitReport(double first) : next_(first) {}

  double seconds() const {  // since the wait began
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }
  bool is_due() {
    const double now = seconds();
    if (now < next_) return false;
    while (next_ <= now) next_ *= 2;
    return true;
  }
  double left() const { return next_ - seconds(); }  // seconds until it is due

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  double next_;
};

// The waits of a rank that have ended well. One that is not much longer is usual, and no reason for a report.
class UsualWait {
 public:
  void add(double seconds) { longest_ = std::max(longest_, seconds); }
  bool is_exceeded_by(double seconds) const { return seconds > 1.5 * longest_; }

 private:
  double longest_ = 0;  // seconds
};

}  // namespace skein
