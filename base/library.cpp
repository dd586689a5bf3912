#include "base/library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>

#include "base/check.h"

namespace skein {
namespace {

constexpr const char* kCudaFolder = "/usr/local/cuda/lib64/";  // NVIDIA's installer links the newest version here

std::vector<std::string> candidate_paths(const LibraryNames& names) {
  if (const char* path = std::getenv(names.variable.c_str()); path && *path) return {path};
  std::vector<std::string> all = names.files;
  for (const std::string& file : names.files) all.push_back(kCudaFolder + file);
  return all;
}

}  // namespace

std::string module_path(const std::string& file) {
  const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const auto installed = (folder / SKEIN_MODULES / file).lexically_normal();
  return std::filesystem::exists(installed) ? installed.string() : (folder / file).string();
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
