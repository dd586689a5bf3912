// While it lives, the first Ctrl-C, SIGTERM or SIGUSR1 (which mpirun hands on to the processes, where the others make
// it kill them) is only remembered, so that the run can save itself; the second one kills as usual. One at a time.
#pragma once

namespace skein {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  static int signal();  // the one that came, 0 if none
};

}  // namespace skein
