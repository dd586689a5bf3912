#include "base/terminal/output_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/check.h"

namespace skein {
namespace {

constexpr std::string_view kSignature = "process ";

std::string text_of(int fd) {
  char buffer[200];
  const ssize_t n = pread(fd, buffer, sizeof buffer, 0);
  const std::string_view text(buffer, n > 0 ? size_t(n) : 0);
  return text.starts_with(kSignature) ? std::string(text.substr(0, text.find('\n'))) : "";
}

bool is_ours(int fd) { return !text_of(fd).empty(); }

// Says who holds the lock. A disk that is full is no reason to refuse it.
void sign(int fd) {
  char host[256] = "this machine";
  gethostname(host, sizeof host - 1);
  const std::string text = fmt::format("{}{} on {}\n", kSignature, getpid(), host);
  if (ftruncate(fd, 0) != 0 || pwrite(fd, text.data(), text.size(), 0) < 0) return;
}

}  // namespace

OutputLock::OutputLock(const std::string& path) : file_(path + ".lock") {
  for (;;) {
    fd_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd_ < 0) throw RunFailed("{}: cannot be created ({}). Choose another place", file_, std::strerror(errno));
    const int error = flock(fd_, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    if (error == EWOULDBLOCK) {
      const std::string holder = text_of(fd_);
      close(fd_);
      throw BadInput("{}: {} is writing it at the moment. Wait for its end, or give another name", path,
                     holder.empty() ? "another process" : holder);
    }
    // A process that has just ended may have removed the file between open and flock. A file system without locks is
    // not an error.
    struct stat opened {
    }, named{};
    if (fstat(fd_, &opened) == 0 && stat(file_.c_str(), &named) == 0 && opened.st_ino == named.st_ino) {
      if (opened.st_size == 0 || is_ours(fd_)) sign(fd_);
      return;
    }
    close(fd_);
  }
}

OutputLock::~OutputLock() {
  if (is_ours(fd_)) unlink(file_.c_str());  // else it is a file of the user
  close(fd_);
}

}  // namespace skein
