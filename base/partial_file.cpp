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
constexpr int kMostWriters = 100, kMostAttempts = 100;

// The file that is open as fd has this name.
bool is_named(int fd, const std::string& name) {
  struct stat open {
  }, named{};
  return fstat(fd, &open) == 0 && lstat(name.c_str(), &named) == 0 && named.st_dev == open.st_dev &&
         named.st_ino == open.st_ino;
}

// Locks it if not. A file system without flock(2) has no locks.
bool is_locked_elsewhere(int fd) { return flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK; }

}  // namespace

bool is_partial(const std::string& name) {
  const size_t at = name.rfind(kSuffix);
  if (at == std::string::npos) return false;
  const std::string number = name.substr(at + sizeof kSuffix - 1);
  return number.empty() || (number.size() > 1 && number[0] == '-' &&
                            std::all_of(number.begin() + 1, number.end(), [](char c) { return c >= '0' && c <= '9'; }));
}

bool remove_partial(const std::string& name) {
  const int fd = ::open(name.c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 && errno != ELOOP && errno != ENXIO) return errno == ENOENT;  // a link, or a pipe, may go
  const bool may_go = fd < 0 || (!is_locked_elsewhere(fd) && is_named(fd, name));
  const bool removed = may_go && unlink(name.c_str()) == 0;
  if (fd >= 0) close(fd);
  return removed;
}

PartialFile::PartialFile(const std::string& path, size_t bytes) : path_(path), bytes_(bytes) {
  for (int writer = 1; writer <= kMostWriters; ++writer)
    if (create(path + kSuffix + (writer == 1 ? "" : fmt::format("-{}", writer)))) return;
  fail("cannot be created", EEXIST);
}

bool PartialFile::create(const std::string& name) {
  partial_ = name;
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EINTR) continue;
    if (fd < 0 && errno != EEXIST) fail("cannot be created", errno);
    if (fd < 0) {
      if (!remove_partial(name)) return false;
      continue;
    }
    // Another process may have taken it for a leftover before it was locked.
    if (is_locked_elsewhere(fd) || !is_named(fd, name)) {
      close(fd);
      continue;
    }
    fd_ = fd;
    return true;
  }
  return false;
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
  close(std::exchange(fd_, -1));
  sync_folder(std::filesystem::path(path_).parent_path().string());
  return true;
}

void PartialFile::fail(const char* what, int error) const {
  std::error_code ignored;
  const bool old = std::filesystem::exists(path_, ignored);
  throw RunFailed("{}: {}: {}. {} bytes are needed there: free space, or choose another place. {}", partial_, what,
                  std::strerror(error), bytes_,
                  old ? "The older " + path_ + " is untouched" : path_ + " does not exist, as before");
}

}  // namespace skein
