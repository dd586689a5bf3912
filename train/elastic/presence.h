// Which processes of an elastic run live, as locks of its folder: every member, and every process that asks to be one,
// holds RUN/members.lock together with the others. A run is begun, or gone on with from a checkpoint, only where nobody
// does, so that there are never two of it. flock(2): a process that is stopped still holds it, one that has ended does
// not.
#pragma once

#include <memory>
#include <string>

#include "base/terminal/output_lock.h"

namespace skein {

class Presence {
 public:
  explicit Presence(const std::string& run);  // RunFailed where the file cannot be made
  ~Presence();
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

 private:
  int fd_;
};

bool is_anybody_present(const std::string& run);

// The right to write in the run's folder; null: another process has it.
std::unique_ptr<OutputLock> try_lock_run(const std::string& run);

}  // namespace skein
