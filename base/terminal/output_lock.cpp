#include "base/terminal/output_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace skein {

OutputLock::OutputLock(const std::string& path) : file_(path + ".lock") {
  for (;;) {
    fd_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd_ < 0) throw RunFailed("{}: cannot be created ({}). Choose another place", file_, std::strerror(errno));
    const int error = flock(fd_, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    if (error == EWOULDBLOCK) {
      close(fd_);
      throw BadInput("{}: another process is writing it at the moment. Wait for its end, or give another name", path);
    }
    // A process that has just ended may have removed the file between open and flock. A file system without locks is
    // not an error.
    struct stat opened {
    }, named{};
    if (fstat(fd_, &opened) == 0 && stat(file_.c_str(), &named) == 0 && opened.st_ino == named.st_ino) return;
    close(fd_);
  }
}

OutputLock::~OutputLock() {
  struct stat status {};
  if (fstat(fd_, &status) == 0 && status.st_size == 0) unlink(file_.c_str());  // else it is a file of the user
  close(fd_);
}

}  // namespace skein
