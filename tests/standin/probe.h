// Access from tests to the stand-in that this process has opened.
#pragma once

#include <dlfcn.h>

#include <cstdlib>

#include "tests/standin/standin.h"

namespace skein {

// Stand-in whose path is in this environment variable; null if the library is the real one or missing.
inline const Standin* find_standin(const char* variable) {
  const char* const path = std::getenv(variable);
  void* const library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
  void* const function = library ? dlsym(library, "skein_standin") : nullptr;
  return function ? reinterpret_cast<StandinFunction*>(function)() : nullptr;
}

}  // namespace skein
