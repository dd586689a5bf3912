#include "comm/sockets/heartbeat.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/activity.h"
#include "base/terminal/printable.h"

namespace skein {
namespace {

double seconds(PeerClock::Time from, PeerClock::Time to) { return std::chrono::duration<double>(to - from).count(); }

}  // namespace

Heartbeat Heartbeat::of_this_process() {
  Heartbeat h{activity::cpu_ms(), activity::step(), ""};
  std::strncpy(h.phase, activity::main_phase(), sizeof h.phase - 1);
  return h;
}

std::string Heartbeat::text() const {
  const std::string_view name(phase, strnlen(phase, sizeof phase));
  return fmt::format("step {}{}{}", step, name.empty() ? "" : ", ", printable(name));
}

void PeerClock::hear(const Heartbeat& last, const Heartbeat& next, Time now) {
  heard_ = now;
  if (next.cpu_ms >= activity::kWorkMs && next.cpu_ms - activity::kWorkMs >= last.cpu_ms) worked_ = now;
}

double PeerClock::silent(Time begin, Time now) const { return seconds(std::max(begin, heard_), now); }
double PeerClock::idle(Time begin, Time now) const { return seconds(std::max(begin, worked_), now); }

}  // namespace skein
