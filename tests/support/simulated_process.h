// A process of the simulation of an elastic run (tests/support/meeting_simulation.h).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "comm/elastic/meeting_machine.h"

namespace skein::testing {

struct SimulatedProcess {
  enum State : uint8_t { running, stopped, dead, ended } state = running;
  std::unique_ptr<MeetingMachine> machine;  // null: it waits for its first state
  std::string end;                          // why it has ended
  bool complete = false;
  Packet part;                                 // of its first state, whose connection has broken
  int64_t life = 0;                            // computations of an older base are of another life
  std::vector<std::function<void()>> waiting;  // while it is stopped
};

}  // namespace skein::testing
