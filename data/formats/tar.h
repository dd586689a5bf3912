// A tar archive read from begin to end: POSIX ustar with long names as GNU tar (type L) or pax (path) writes them.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace skein {

class TarReader {
 public:
  explicit TarReader(const std::string& path);  // BadInput, here and below, names the file, the byte and the fix

  // Goes on to the next regular file; false at the end. A file larger than `most` bytes is passed over.
  bool next(int64_t most);
  const std::string& name() const { return name_; }
  void read(std::vector<uint8_t>& bytes);  // of the current file, once

 private:
  [[noreturn]] void fail(const std::string& what) const;
  bool read_header();
  std::string read_text();
  void skip(int64_t bytes);

  std::string path_, name_;
  std::ifstream in_;
  int64_t position_ = 0, size_ = 0, left_ = 0;  // left: of the current file, with its padding
  char type_ = 0;
  std::string header_name_;
};

}  // namespace skein
