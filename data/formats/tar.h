// Sequential reader of a tar archive: POSIX.1-1988 ustar, with long names as written by GNU tar (type L) or pax
// (POSIX.1-2001, key path).
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace skein {

class TarReader {
 public:
  explicit TarReader(const std::string& path);  // BadInput, here and below: names the file, the byte and the fix

  // Advances to the next regular file of at most `most` bytes. False: end of the archive.
  bool next(int64_t most);
  const std::string& name() const { return name_; }
  void read(std::vector<uint8_t>& bytes);  // contents of the current file; at most once per file

 private:
  [[noreturn]] void fail(const std::string& what) const;
  bool read_header();
  std::string read_text();
  void skip(int64_t bytes);

  std::string path_, name_;
  std::ifstream in_;
  int64_t position_ = 0, size_ = 0, left_ = 0;  // bytes; left_: unread bytes of the current file
  char type_ = 0;
  std::string header_name_;
};

}  // namespace skein
