// While an Interrupt exists, the first SIGINT (Ctrl-C), SIGTERM, SIGUSR1 or SIGHUP (the terminal is gone) is only
// remembered, so that the run can save itself. The second one kills the process as usual. SIGHUP stays ignored where
// the process was started so (nohup). mpirun passes SIGUSR1 on to the ranks; with the other signals it kills them. At
// most one object may exist at a time.
#pragma once

namespace skein {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  static int signal();  // the number of the signal that was received; 0: none
};

}  // namespace skein
