#include "train/elastic/presence.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "train/run/run_folder.h"

namespace skein {
namespace {

int open_lock(const std::string& run) {
  const std::string path = run + "/members.lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) throw RunFailed("{}: cannot be created: {}. Choose another --out", path, std::strerror(errno));
  return fd;
}

}  // namespace

Presence::Presence(const std::string& run) : fd_(open_lock(run)) {
  while (flock(fd_, LOCK_SH) != 0 && errno == EINTR) continue;  // it is held alone for a moment only
}

Presence::~Presence() { close(fd_); }

bool is_anybody_present(const std::string& run) {
  const int fd = open_lock(run);
  const bool held = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  close(fd);
  return held;
}

std::unique_ptr<OutputLock> try_lock_run(const std::string& run) {
  try {
    return lock_run(run);
  } catch (const BadInput&) {
    return nullptr;
  }
}

}  // namespace skein
