// Wall-clock time: seconds since a point in time, from a monotonic clock (std::chrono::steady_clock).
#pragma once

#include <chrono>
#include <string>

namespace skein {

using Clock = std::chrono::steady_clock;
inline double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// For example "4 min 07 s".
std::string format_duration(double seconds);

}  // namespace skein
