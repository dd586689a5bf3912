// A terminal of a given width for tests: what is written to `slave` comes out of text().
#pragma once

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

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

}  // namespace skein::testing
