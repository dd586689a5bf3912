#include "base/terminal/standard_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace skein {

void open_standard_files() {
  for (int fd = 0; fd <= 2; ++fd)
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && ::open("/dev/null", O_RDWR) != fd) return;  // no /dev/null
}

void print_error(const std::string& message) { std::fputs(fmt::format("skein: {}\n", message).c_str(), stderr); }

void report_text(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  const int error = errno;
  if (!std::freopen("/dev/null", "w", stdout)) return;
  print_error(
      fmt::format("standard output: {}. The run goes on; its metrics are in the run folder", std::strerror(error)));
}

}  // namespace skein
