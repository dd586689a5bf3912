// A terminal of a given width for tests: what is written to `slave` comes out of text().
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

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
  // What was written since the last call. The kernel hands it over in parts and a moment later: it is read until it ends
  // with `end`, for five seconds at most.
  std::string text(std::string_view end) const {
    std::string all;
    pollfd readable{master, POLLIN, 0};
    while (!all.ends_with(end) && poll(&readable, 1, 5000) > 0) {
      char buffer[4000];
      const ssize_t n = read(master, buffer, sizeof buffer);
      if (n <= 0) break;
      all.append(buffer, size_t(n));
    }
    return all;
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
