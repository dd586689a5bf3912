#include "data/formats/folders/find_images.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/check.h"
#include "data/formats/folders/image_source.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

class Search {
 public:
  FoundImages found;

  void add_folder(const fs::path& folder) {
    std::error_code error;
    const fs::path real = fs::canonical(folder, error);
    if (error) fail(folder, error);
    if (!seen_.insert(real).second) return;
    for (const fs::path& path : entries(folder)) {
      if (fs::is_directory(path, error))
        add_folder(path);
      else if (has_image_extension(path.string()))
        found.files.push_back(path.string());
      else
        ++found.other_files;
    }
  }

 private:
  [[noreturn]] static void fail(const fs::path& folder, const std::error_code& error) {
    throw BadInput("{}: cannot be read ({}). Check its permissions", folder.string(), error.message());
  }

  static std::vector<fs::path> entries(const fs::path& folder) {
    std::vector<fs::path> paths;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      const std::string name = it->path().filename().string();
      if (!name.starts_with(".") && name != "__MACOSX") paths.push_back(it->path());
    }
    if (error) fail(folder, error);
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  std::set<fs::path> seen_;
};

}  // namespace

FoundImages find_images(const std::vector<std::string>& paths) {
  Search search;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) {
      search.found.files.push_back(path);
      continue;
    }
    const size_t before = search.found.files.size();
    search.add_folder(path);
    if (search.found.files.size() == before)
      throw BadInput("{}: there is no image below this folder. Give a folder with image files, or the files", path);
  }
  return search.found;
}

}  // namespace skein
