#include "base/nvtx.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/check.h"
#include "base/library.h"

namespace skein::nvtx {
namespace {

constexpr const char kVariable[] = "NVTX_INJECTION64_PATH";

using Function = void (*)();
constexpr unsigned kPushRange = 9, kPopRange = 11;  // NVTX_CBID_CORE_RangePushA, NVTX_CBID_CORE_RangePop

// Number of functions of each module, by NvtxCallbackModule: none, core, CUDA, OpenCL, CUDA runtime, core 2, sync.
constexpr std::array<unsigned, 7> kFunctions = {0, 16, 9, 15, 7, 16, 7};

// [module][function]. A tool fills in what it likes; only the two above are called.
Function functions[kFunctions.size()][16];
Function* slots[kFunctions.size()][16];

int module_functions(int module, Function*** table, unsigned* size) {
  if (module < 1 || module >= int(kFunctions.size())) return 0;
  for (unsigned i = 0; i < kFunctions[size_t(module)]; ++i) slots[module][i] = &functions[module][i];
  if (size) *size = kFunctions[size_t(module)];
  *table = slots[module];
  return 1;
}

struct Callbacks {  // NvtxExportTableCallbacks
  size_t bytes;
  int (*module_functions)(int module, Function*** table, unsigned* size);
};
struct Version {  // NvtxExportTableVersionInfo
  size_t bytes;
  uint32_t version, reserved;
  void (*set_tool_version)(uint32_t);
};

const void* export_table(uint32_t id) {
  static constexpr Callbacks callbacks{sizeof(Callbacks), module_functions};
  static constexpr Version version{sizeof(Version), 3, 0, [](uint32_t) {}};
  if (id == 1) return &callbacks;
  return id == 3 ? &version : nullptr;
}

bool attach() {
  if (const char* path = std::getenv(kVariable); !path || !*path) return false;
  static const Library tool(
      {"the profiler's library", kVariable, {}, "Unset the variable, or name a library that is there"});
  int (*initialize)(const void* (*)(uint32_t)) = nullptr;
  tool.find("InitializeInjectionNvtx2", initialize);
  if (!initialize(export_table))
    throw BadInput("{}={}: the library refused to start. Unset the variable to go on without it", kVariable,
                   tool.path());
  return true;
}

}  // namespace

bool load() {
  static const bool attached = attach();
  return attached;
}

void push(const char* name) {
  if (const Function f = functions[1][kPushRange]) reinterpret_cast<int (*)(const char*)>(f)(name);
}

void pop() {
  if (const Function f = functions[1][kPopRange]) reinterpret_cast<int (*)()>(f)();
}

}  // namespace skein::nvtx
