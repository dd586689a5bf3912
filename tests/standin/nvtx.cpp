// Stand-in for a profiler that reads NVTX ranges. It asks for the tables that NVIDIA's injection libraries ask for, and
// writes each range, indented by two spaces for each that it is within, to the file SKEIN_NVTX_LOG.
// Types and numbers: nvtx3/nvtxDetail/nvtxTypes.h.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>

namespace {

using Function = void (*)();
struct Callbacks {
  size_t bytes;
  int (*module_functions)(int module, Function*** table, unsigned* size);
};
struct Version {
  size_t bytes;
  uint32_t version, reserved;
  void (*set_tool_version)(uint32_t);
};

std::FILE* log_file = nullptr;
thread_local int depth = 0;

int push(const char* name) {
  std::fprintf(log_file, "%*s%s\n", 2 * depth, "", name);
  return depth++;
}
int pop() {
  if (--depth < 0) std::fprintf(log_file, "a range that was not begun ends\n");
  return depth;
}

}  // namespace

extern "C" int InitializeInjectionNvtx2(const void* (*export_table)(uint32_t)) {
  const char* path = std::getenv("SKEIN_NVTX_LOG");
  if (!path) return 0;
  const auto* callbacks = static_cast<const Callbacks*>(export_table(1));
  const auto* version = static_cast<const Version*>(export_table(3));
  if (!callbacks || callbacks->bytes < sizeof(Callbacks) || !version || version->version != 3) return 0;
  for (const int module : {1, 2, 4, 5}) {  // core, CUDA, CUDA runtime, core 2
    Function** table = nullptr;
    unsigned size = 0;
    if (!callbacks->module_functions(module, &table, &size) || size < 7) return 0;
    if (module != 1) continue;
    if (size != 16) return 0;
    *table[9] = reinterpret_cast<Function>(push);
    *table[11] = reinterpret_cast<Function>(pop);
  }
  log_file = std::fopen(path, "w");
  std::atexit([] { std::fclose(log_file); });
  return log_file != nullptr;
}
