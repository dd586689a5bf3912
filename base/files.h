// Small files of a run: read whole, replaced whole, or appended to. Reading fails with BadInput, writing with
// RunFailed; both name the file, the reason and the fix.
#pragma once

#include <string>

namespace skein {

std::string read_text(const std::string& path);

// Through a new file that is synced and then renamed: a reader sees the old text or the new.
void write_text(const std::string& path, const std::string& text);

// Renames folder `fresh` to `folder`; an older one of that name is exchanged in one step and then removed.
void replace_folder(const std::string& fresh, const std::string& folder);

// Puts the older folder back where a crash between the renames of a file system without exchange has left none.
void recover_folder(const std::string& folder);

// Lines are held back until flush().
class AppendFile {
 public:
  explicit AppendFile(const std::string& path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;
  void append(const std::string& line) { waiting_ += line + "\n"; }
  void flush();

 private:
  std::string path_, waiting_;
  int fd_;
};

}  // namespace skein
