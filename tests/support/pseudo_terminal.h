// A terminal of a given width for tests: what is written to `slave` comes out of text().
#pragma once

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace skein::testing {

struct PseudoTerminal {
  explicit PseudoTerminal(int columns) : master(posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK)) {
    grantpt(master);
    unlockpt(master);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    resize(columns);
  }
  ~PseudoTerminal() {
    close(slave);
    close(master);
  }
  PseudoTerminal(const PseudoTerminal&) = delete;
  PseudoTerminal& operator=(const PseudoTerminal&) = delete;

  void resize(int columns) const {
    winsize size{};
    size.ws_col = static_cast<unsigned short>(columns);
    ioctl(slave, TIOCSWINSZ, &size);
  }
  std::string text() const {
    char buffer[4000];
    const ssize_t n = read(master, buffer, sizeof buffer);
    return n > 0 ? std::string(buffer, size_t(n)) : "";
  }

  int master, slave = -1;
};

// Standard output goes to a terminal, for the life of the object.
class StdoutOn {
 public:
  explicit StdoutOn(const PseudoTerminal& terminal) {
    std::fflush(stdout);
    before_ = dup(STDOUT_FILENO);
    dup2(terminal.slave, STDOUT_FILENO);
  }
  ~StdoutOn() {
    std::fflush(stdout);
    dup2(before_, STDOUT_FILENO);
    close(before_);
  }
  StdoutOn(const StdoutOn&) = delete;
  StdoutOn& operator=(const StdoutOn&) = delete;

 private:
  int before_ = -1;
};

}  // namespace skein::testing
