#include "base/partial_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/check.h"
#include "base/files.h"

namespace skein {
namespace {

constexpr const char kSuffix[] = ".partial";
constexpr int kMostWriters = 100;

// The file that is open as fd has this name, and no other.
bool is_own(int fd, const std::string& name) {
  struct stat open {
  }, named{};
  return fstat(fd, &open) == 0 && S_ISREG(open.st_mode) && open.st_nlink == 1 && lstat(name.c_str(), &named) == 0 &&
         named.st_dev == open.st_dev && named.st_ino == open.st_ino;
}

}  // namespace

bool is_partial(const std::string& name) {
  const size_t at = name.rfind(kSuffix);
  if (at == std::string::npos) return false;
  const std::string number = name.substr(at + sizeof kSuffix - 1);
  return number.empty() || (number.size() > 1 && number[0] == '-' &&
                            std::all_of(number.begin() + 1, number.end(), [](char c) { return c >= '0' && c <= '9'; }));
}

PartialFile::PartialFile(const std::string& path, size_t bytes) : path_(path), bytes_(bytes) {
  for (int writer = 1; writer <= kMostWriters; ++writer)
    if (open(path + kSuffix + (writer == 1 ? "" : fmt::format("-{}", writer)))) return;
  fail("other processes are writing it", EBUSY);
}

// A file of this name that no process has locked is used anew; what is no file, or has other names, is removed.
bool PartialFile::open(const std::string& name) {
  partial_ = name;
  for (;;) {
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
    if (fd < 0) {
      const int error = errno;
      if (unlink(name.c_str()) != 0) fail("cannot be created", error);
      continue;
    }
    const bool is_busy = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (!is_busy && is_own(fd, name) && ftruncate(fd, 0) == 0) {
      fd_ = fd;
      return true;
    }
    struct stat status {};
    const bool is_foreign = fstat(fd, &status) == 0 && (!S_ISREG(status.st_mode) || status.st_nlink > 1);
    close(fd);
    if (is_foreign)
      unlink(name.c_str());
    else if (is_busy)
      return false;
  }
}

PartialFile::~PartialFile() {
  if (fd_ < 0) return;
  unlink(partial_.c_str());
  close(fd_);
}

void PartialFile::write(const void* data, size_t bytes) {
  const char* p = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t n = ::write(fd_, p, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail("cannot be written", errno);
    p += n;
    bytes -= size_t(n);
  }
}

bool PartialFile::commit(const std::function<bool()>& may_replace) {
  if (fsync(fd_) != 0) fail("cannot be brought to the disk", errno);
  if (may_replace && !may_replace()) return false;
  if (rename(partial_.c_str(), path_.c_str()) != 0) fail("cannot be renamed", errno);
  if (close(std::exchange(fd_, -1)) != 0) fail("cannot be closed", errno);
  sync_folder(std::filesystem::path(path_).parent_path().string());
  return true;
}

void PartialFile::fail(const char* what, int error) const {
  const bool old = std::filesystem::exists(path_);
  throw RunFailed("{}: {}: {}. {} bytes are needed there: free space, or choose another place. {}", partial_, what,
                  std::strerror(error), bytes_,
                  old ? "The older " + path_ + " is untouched" : path_ + " does not exist, as before");
}

}  // namespace skein
