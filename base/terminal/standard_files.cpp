#include "base/terminal/standard_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/terminal/shell_words.h"
#include "base/terminal/terminal.h"

namespace skein {

void open_standard_files() {
  for (int fd = 0; fd <= 2; ++fd)
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && ::open("/dev/null", O_RDWR) != fd) return;  // no /dev/null
}

void print_error(const std::string& message) {
  const std::string line = fmt::format("{} {}\n", styled("skein:", Style::error, STDERR_FILENO), message);
  std::fputs(fit(line, STDERR_FILENO).c_str(), stderr);
}

void report_whole(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  const int error = errno;
  if (!std::freopen("/dev/null", "w", stdout)) return;
  print_error(
      fmt::format("standard output: {}. The run goes on; its metrics are in the run folder", std::strerror(error)));
}

void report_text(const std::string& line) { report_whole(fit(line, STDOUT_FILENO)); }

void report_command(std::string_view label, const std::vector<std::string>& words) {
  report_whole(fmt::format("{:<8} {}\n", label, shell_words(words)));
}

}  // namespace skein
