#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/check.h"
#include "base/terminal/progress_line.h"
#include "data/formats/folders/image_source.h"
#include "data/formats/folders/label_file.h"
#include "data/formats/folders/source_tree.h"
#include "data/image/image_file.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

struct FolderId {
  dev_t device;
  ino_t inode;
  bool operator==(const FolderId&) const = default;
};

class FolderSource final : public ImageSource {
 public:
  explicit FolderSource(const std::string& dir) : dir_(dir) {
    name = dir;
    struct stat status {};
    if (stat(dir.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
      throw BadInput("{}: there is no such folder. Check the path", dir);
    std::vector<FolderId> parents = {{status.st_dev, status.st_ino}};
    ProgressLine progress("listing", 0);
    const std::string error = list(dir, "", parents, progress);
    if (!error.empty()) throw BadInput("{}: {}. Check its permissions", dir, error);
    // Component by component, each by its bytes.
    std::sort(entries.begin(), entries.end(), [](const SourceEntry& a, const SourceEntry& b) {
      return std::lexicographical_compare(a.path.begin(), a.path.end(), b.path.begin(), b.path.end(),
                                          [](char x, char y) {
                                            const auto order = [](char c) { return c == '/' ? 0 : uint8_t(c); };
                                            return order(x) < order(y);
                                          });
    });
  }

  bool next(const std::vector<bool>& wanted, size_t& entry, std::vector<uint8_t>& to, std::string& reason) override {
    while (next_ < entries.size() && !wanted[next_]) ++next_;
    if (next_ == entries.size()) return false;
    entry = next_++;
    reason.clear();
    try {
      read_image_file((dir_ / entries[entry].path).string(), to);
    } catch (const BadImage& e) {
      reason = e.what();
    }
    return true;
  }

 private:
  // Adds what is in the folder. Returns why it cannot be listed, else an empty text.
  std::string list(const fs::path& folder, const std::string& prefix, std::vector<FolderId>& parents,
                   ProgressLine& progress) {
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      const std::string file = it->path().filename().string();
      if (int64_t(entries.size()) == kMostEntries)
        throw BadInput("{}: has more than {} files. Give a smaller folder", name, kMostEntries);
      entries.push_back({prefix + file});
      progress.add(1);
      if (!is_hidden(file)) examine(it->path(), entries.size() - 1, parents, progress);
    }
    return error ? fmt::format("cannot be read ({})", error.message()) : std::string();
  }

  void examine(const fs::path& path, size_t index, std::vector<FolderId>& parents, ProgressLine& progress) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
      entries[index].unusable = fs::is_symlink(fs::symlink_status(path)) ? "a link to nothing" : std::strerror(errno);
    } else if (S_ISDIR(status.st_mode)) {
      entries[index].folder = true;
      const FolderId id{status.st_dev, status.st_ino};
      if (std::find(parents.begin(), parents.end(), id) != parents.end()) {
        entries[index].unusable = "a link to a folder that contains it";
        return;
      }
      parents.push_back(id);
      const std::string error = list(path, entries[index].path + "/", parents, progress);
      parents.pop_back();
      if (!error.empty()) entries[index].unusable = "a folder that " + error;
    } else if (!S_ISREG(status.st_mode)) {
      entries[index].unusable = "neither file nor folder";
    } else {
      add_file(path, entries[index], int64_t(status.st_size));
    }
  }

  void add_file(const fs::path& path, SourceEntry& entry, int64_t size) {
    entry.bytes = size;
    if ((is_label_file(entry.path) || is_meta_mat(entry.path)) && size <= kMostLabelBytes) {
      std::ifstream in(path, std::ios::binary);
      labels[entry.path].assign(std::istreambuf_iterator<char>(in), {});
    }
    if (!has_image_extension(entry.path)) return;
    if (size > kMostFileBytes)
      entry.unusable = fmt::format("larger than {} MB", kMostFileBytes >> 20);
    else
      bytes += size;
  }

  const fs::path dir_;
  size_t next_ = 0;
};

}  // namespace

std::unique_ptr<ImageSource> open_folder_source(const std::string& dir) { return std::make_unique<FolderSource>(dir); }

std::unique_ptr<ImageSource> open_image_source(const std::string& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return open_folder_source(path);
  if (fs::is_regular_file(path, ignored)) return open_archive_source(path);
  throw BadInput("{}: there is no such folder or archive. Check the path", path);
}

bool has_image_extension(const std::string& path) {
  std::string extension = fs::path(path).extension().string();
  for (char& c : extension)
    if (c >= 'A' && c <= 'Z') c = char(c + ('a' - 'A'));
  for (const char* known : {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp"})
    if (extension == known) return true;
  return false;
}

}  // namespace skein
