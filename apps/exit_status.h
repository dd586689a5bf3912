// Exit status of the program, and the reason that it prints.
#pragma once

#include <exception>
#include <new>
#include <string>

namespace skein {

constexpr int kDone = 0;               // finished, or stopped as asked by --limit-steps
constexpr int kRunFailed = 1;          // the run failed: disk full, loss is not a number, a broken promise in the code
constexpr int kBadInput = 2;           // the command line or a file is wrong
constexpr int kStoppedBySignal = 128;  // plus the number of the signal, as a shell reports it

// Thrown by a command after it has printed its own message.
struct ExitStatus {
  int status;
};

// The error's message; one for a lack of memory, which has none.
inline std::string reason_of(const std::exception& error) {
  if (!dynamic_cast<const std::bad_alloc*>(&error)) return error.what();
  return "out of memory: the machine, or a limit of this process (ulimit -v, a container's), has no more. Give a "
         "smaller --batch or --eval-batch, fewer workers at a time (--parallel), or --recompute; skein summary says "
         "what a step needs";
}

}  // namespace skein
