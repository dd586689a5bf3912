#include "base/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "base/partial_file.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(const std::string& path, const char* what) {
  throw RunFailed("{}: {}: {}. Free space there or choose another place", path, what, std::strerror(errno));
}

void write_all(int fd, const std::string& path, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail(path, "cannot be written");
    done += size_t(n);
  }
}

constexpr size_t kReadAtOnce = 1 << 16, kLongestStream = 64 << 20;  // bytes

[[noreturn]] void cannot_be_read(const std::string& path, int error) {
  throw BadInput("{}: cannot be read: {}. Check the path", path, std::strerror(error));
}

}  // namespace

OpenFile::OpenFile(const std::string& path) : fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}

OpenFile::~OpenFile() {
  if (fd >= 0) close(fd);
}

void sync_folder(const std::string& folder) {
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

void make_folders(const std::string& folder) {
  if (folder.empty() || fs::is_directory(folder)) return;
  const std::string parent = fs::path(folder).parent_path().string();
  if (parent != folder) make_folders(parent);
  std::error_code error;
  fs::create_directory(folder, error);  // no error where another process has just made it
  if (error == std::errc::file_exists) error = std::make_error_code(std::errc::not_a_directory);
  if (error) throw fs::filesystem_error(folder, error);
  sync_folder(parent);
}

std::string read_text(const std::string& path) {
  const OpenFile file(path);
  struct stat status {};
  if (file.fd < 0 || fstat(file.fd, &status) != 0) cannot_be_read(path, errno);
  const bool regular = S_ISREG(status.st_mode);
  if (!regular) fcntl(file.fd, F_SETFL, 0);  // waits for a pipe's writer
  std::string text;
  for (size_t size = 0;;) {
    if (!regular && size > kLongestStream)
      throw BadInput("{}: gives more than {} MB and is no file. Give a text file", path, kLongestStream >> 20);
    text.resize(size + std::max(kReadAtOnce, regular && size == 0 ? size_t(status.st_size) + 1 : 0));
    const ssize_t n = ::read(file.fd, text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) cannot_be_read(path, errno);
    if (n == 0) {
      text.resize(size);
      break;
    }
    size += size_t(n);
  }
  if (text.empty() && S_ISFIFO(status.st_mode))
    throw BadInput("{}: is a pipe that nobody writes to. Give a text file", path);
  return text;
}

bool write_text(const std::string& path, const std::string& text, const std::function<bool()>& may_replace) {
  PartialFile file(path, text.size());
  file.write(text.data(), text.size());
  return file.commit(may_replace);
}

void replace_folder(const std::string& fresh, const std::string& folder,
                    const std::function<void(const std::string& replaced)>& dispose) {
  const std::string parent = fs::path(folder).parent_path().string(), old = folder + ".old";
  const auto end = [&](const std::string& replaced) { dispose ? dispose(replaced) : void(fs::remove_all(replaced)); };
  sync_folder(fresh);
  if (renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, folder.c_str(), RENAME_EXCHANGE) == 0) {
    sync_folder(parent);
    return end(fresh);
  }
  const bool replaces = fs::exists(folder);
  if (replaces) {  // the file system has no exchange
    fs::remove_all(old);
    fs::rename(folder, old);
  }
  fs::rename(fresh, folder);
  sync_folder(parent);
  if (replaces) end(old);
}

void recover_folder(const std::string& folder) {
  const std::string old = folder + ".old";
  if (!fs::exists(folder) && fs::exists(old)) fs::rename(old, folder);
}

std::string foreign_entry(const std::string& folder, const std::function<bool(const std::string& name)>& ours) {
  for (const auto& entry : fs::directory_iterator(folder))
    if (const std::string name = entry.path().filename().string(); !ours(name)) return name;
  return {};
}

AppendFile::AppendFile(const std::string& path)
    : path_(path), fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
  if (fd_ < 0) fail(path_, "cannot be opened");
}

AppendFile::~AppendFile() {
  try {
    flush();
  } catch (const RunFailed&) {  // a destructor must not throw; the run is failing already
  }
  close(fd_);
}

void AppendFile::flush() {
  const std::string text = std::exchange(waiting_, {});
  write_all(fd_, path_, text);
}

}  // namespace skein
