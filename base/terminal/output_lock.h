// Exclusive right to make the file or folder PATH, held until destruction or the end of the process, however it ends:
// flock(2) of PATH.lock, which says who has it and is removed at the end.
#pragma once

#include <string>

namespace skein {

class OutputLock {
 public:
  // BadInput with the number and host of the other process if one makes PATH at the moment; RunFailed if PATH.lock
  // cannot be created.
  explicit OutputLock(const std::string& path);
  ~OutputLock();
  OutputLock(const OutputLock&) = delete;
  OutputLock& operator=(const OutputLock&) = delete;

 private:
  std::string file_;
  int fd_ = -1;
};

}  // namespace skein
