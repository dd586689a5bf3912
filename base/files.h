// Small files of a run: read as a whole, replaced as a whole, or appended to; POSIX calls. Errors: BadInput from
// reading, RunFailed from writing; both name the file, the reason and the fix.
#pragma once

#include <functional>
#include <string>

namespace skein {

// A file that is open for reading; fd is negative where it cannot be opened. A pipe without a writer does not block it.
struct OpenFile {
  explicit OpenFile(const std::string& path);
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  const int fd;
};

// Reads a file, or a pipe or device, of which at most 64 MB are taken.
std::string read_text(const std::string& path);

// Replaces the file atomically (base/partial_file.h): a reader sees the old text or the new one, also where several
// processes write. may_replace: asked right before; where it says no, nothing is replaced and the result is false.
bool write_text(const std::string& path, const std::string& text, const std::function<bool()>& may_replace = {});

// Renames folder `fresh` to `folder`, and brings both to the disk. An existing `folder` is exchanged in one step
// (RENAME_EXCHANGE) and then handed to `dispose` by its new name, or removed if there is none. Where the file system
// has no exchange, it is moved to `folder`.old for a moment: see recover_folder().
void replace_folder(const std::string& fresh, const std::string& folder,
                    const std::function<void(const std::string& replaced)>& dispose = {});

// Makes the entries of a folder survive a power failure. Not every file system can; that is no error.
void sync_folder(const std::string& folder);

// Makes a folder and those above it, and brings them to the disk. std::filesystem::filesystem_error where it cannot.
void make_folders(const std::string& folder);

// Moves `folder`.old back to `folder` if a crash between the two renames of replace_folder() left no `folder`.
void recover_folder(const std::string& folder);

// Name of an entry of the folder that `ours` does not know; empty: there is none. A folder is replaced only without
// one.
std::string foreign_entry(const std::string& folder, const std::function<bool(const std::string& name)>& ours);

// Appends to a file. Text is buffered until flush() or the destructor.
class AppendFile {
 public:
  explicit AppendFile(const std::string& path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;
  void append(const std::string& line) { waiting_ += line + "\n"; }
  void append_bytes(const std::string& bytes) { waiting_ += bytes; }
  void flush();

 private:
  std::string path_, waiting_;
  int fd_;
};

}  // namespace skein
