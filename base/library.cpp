#include "base/library.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/check.h"

namespace fs = std::filesystem;

namespace skein {
namespace {

constexpr const char* kCudaFolder = "/usr/local/cuda/lib64/";  // NVIDIA's installer links the newest version here

fs::path program_folder() { return fs::read_symlink("/proc/self/exe").parent_path(); }

std::vector<fs::path> entries(const fs::path& folder) {
  std::error_code absent;
  std::vector<fs::path> all;
  for (const auto& entry : fs::directory_iterator(folder, absent)) all.push_back(entry.path());
  std::sort(all.begin(), all.end());
  return all;
}

// Folders of NVIDIA's libraries from PyPI, PREFIX/lib/python3.*/site-packages/nvidia/*/lib: first of the prefix that
// the program is installed in, then of the active virtual environment. Debian says dist-packages.
std::vector<fs::path> python_folders() {
  std::vector<fs::path> prefixes = {program_folder().parent_path()};
  if (const char* active = std::getenv("VIRTUAL_ENV"); active && *active) prefixes.push_back(active);
  std::vector<fs::path> all;
  for (const fs::path& prefix : prefixes)
    for (const fs::path& python : entries(prefix / "lib"))
      if (python.filename().string().starts_with("python3"))
        for (const char* packages : {"site-packages", "dist-packages"})
          for (const fs::path& package : entries(python / packages / "nvidia")) all.push_back(package / "lib");
  return all;
}

std::vector<std::string> candidate_paths(const LibraryNames& names) {
  if (const char* path = std::getenv(names.variable.c_str()); path && *path) return {path};
  std::vector<std::string> all = names.files;
  for (const std::string& file : names.files)
    for (const fs::path& folder : python_folders())
      if (fs::exists(folder / file)) all.push_back(folder / file);
  for (const std::string& file : names.files) all.push_back(kCudaFolder + file);
  return all;
}

}  // namespace

std::string module_path(const std::string& file) {
  const fs::path folder = program_folder();
  const auto installed = (folder / SKEIN_MODULES / file).lexically_normal();
  return fs::exists(installed) ? installed.string() : (folder / file).string();
}

Library::Library(LibraryNames names) : names_(std::move(names)) {
  std::string tried;
  for (const std::string& path : candidate_paths(names_)) {
    // RTLD_LOCAL, because a stand-in and the library behind it export the same names.
    handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_) {
      path_ = path;
      return;
    }
    tried += fmt::format("\n  {}", dlerror());
  }
  throw BadInput("{} cannot be opened. {}, or set {} to its path. Tried:{}", names_.name, names_.advice,
                 names_.variable, tried);
}

void* Library::address(const char* symbol) const {
  void* const found = dlsym(handle_, symbol);
  if (!found)
    throw BadInput("{} has no function {}: it is not {}. {}, or set {} to its path", path_, symbol, names_.name,
                   names_.advice, names_.variable);
  return found;
}

}  // namespace skein
