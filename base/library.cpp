#include "base/library.h"

#include <dlfcn.h>

#include <cstdlib>

#include "base/check.h"

namespace skein {
namespace {

constexpr const char* kCudaFolder = "/usr/local/cuda/lib64/";  // where NVIDIA's installer puts links to the newest

std::vector<std::string> places(const LibraryNames& names) {
  if (const char* path = std::getenv(names.variable.c_str()); path && *path) return {path};
  std::vector<std::string> all = names.files;
  for (const std::string& file : names.files) all.push_back(kCudaFolder + file);
  return all;
}

}  // namespace

Library::Library(LibraryNames names) : names_(std::move(names)) {
  std::string tried;
  for (const std::string& place : places(names_)) {
    // Local: a stand-in and the library behind it export the same names.
    handle_ = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_) {
      path_ = place;
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
