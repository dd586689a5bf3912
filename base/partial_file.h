// A file that is written beside the one it will replace: PATH.partial, or PATH.partial-2 and so on while other processes
// write theirs. It is locked while it is written (flock(2)), so that no other process takes it for a leftover of a
// program that was killed. On a file system without such locks only one process may write a file. Links in its place are
// not followed. Errors: RunFailed names the file, the reason and the fix.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace skein {

class PartialFile {
 public:
  // bytes: how many will be written, for an error's text.
  PartialFile(const std::string& path, size_t bytes);
  ~PartialFile();  // removes the partial file unless commit() has replaced the other with it
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  void write(const void* data, size_t bytes);
  // Brings the file to the disk, asks may_replace() where there is one, and renames it to PATH. False: it said no.
  bool commit(const std::function<bool()>& may_replace = {});

 private:
  bool create(const std::string& name);  // false: another process writes it, or it cannot be removed
  [[noreturn]] void fail(const char* what, int error) const;

  const std::string path_;
  std::string partial_;
  const size_t bytes_;
  int fd_ = -1;
};

bool is_partial(const std::string& name);  // of a file: PartialFile has made it
// Removes one. False: a process writes it, or it cannot be removed.
bool remove_partial(const std::string& name);

}  // namespace skein
