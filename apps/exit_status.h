// Exit status of the program.
#pragma once

namespace skein {

constexpr int kDone = 0;               // finished, or stopped as asked by --limit-steps
constexpr int kRunFailed = 1;          // the run failed: disk full, loss is not a number, a broken promise in the code
constexpr int kBadInput = 2;           // the command line or a file is wrong
constexpr int kStoppedBySignal = 128;  // plus the number of the signal, as a shell reports it

// Thrown by a command after it has printed its own message.
struct ExitStatus {
  int status;
};

}  // namespace skein
