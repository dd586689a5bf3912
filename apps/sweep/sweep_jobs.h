// Runs of skein as child processes, several at a time.
//
// Each child is in a process group of its own, so that Ctrl-C reaches this process alone. A signal that Interrupt
// (train/run/interrupt.h) remembers is sent to every running child once: each saves its run and ends. No more are
// started then. Children get SIGTERM where this process dies, so none goes on unseen. Linux.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace skein {

struct SweepJob {
  std::vector<std::string> arguments;  // of this program
  std::string log;                     // file to which stdout and stderr are appended
};

// Starts the jobs in order, at most `at_once` at a time, and waits for all that were started. on_end gets the index and
// the exit status, 128 + n after signal n. Both are called by this thread. RunFailed where a process or a log cannot be
// made.
void run_jobs(const std::vector<SweepJob>& jobs, int64_t at_once, const std::function<void(size_t)>& on_start,
              const std::function<void(size_t, int)>& on_end);

}  // namespace skein
