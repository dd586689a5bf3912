// The sign of life that a rank sends over TCP, and what it tells of the rank.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace skein {

struct Heartbeat {  // as raw bytes on the wire
  int64_t cpu_ms, step;
  char phase[32];

  static Heartbeat of_this_process();
  std::string text() const;  // "step 12, evaluation"; whatever the bytes are
};

// When a peer was last heard, and when it last worked.
class PeerClock {
 public:
  using Time = std::chrono::steady_clock::time_point;
  void hear(Time now) { heard_ = now; }  // anything
  void hear(const Heartbeat& last, const Heartbeat& next, Time now);
  void work(Time now) { heard_ = worked_ = now; }  // it has sent what was waited for

  // Seconds; before `begin` nothing could be heard.
  double silent(Time begin, Time now) const;
  double idle(Time begin, Time now) const;

 private:
  Time heard_{}, worked_{};
};

}  // namespace skein
