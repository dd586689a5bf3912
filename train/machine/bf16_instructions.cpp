#include "train/machine/bf16_instructions.h"

#include <algorithm>
#include <cstring>

#include "kernels/device/amx.h"

namespace skein {
Bf16Instructions bf16_instructions(const Processor& processor) {
  const auto has = [&](const char* name) {
    return std::count(processor.instruction_sets.begin(), processor.instruction_sets.end(), name) > 0;
  };
  Bf16Instructions found;
  if (has("amx_bf16")) {
    const int error = cpu::request_amx_tiles();
    if (error == 0)
      found.names = "amx_bf16";
    else
      found.refused = std::strerror(error);
  }
  if (has("avx512_bf16")) found.names += found.names.empty() ? "avx512_bf16" : " avx512_bf16";
  if (found.names.empty()) found.names = "none";
  return found;
}

std::string to_text(const Bf16Instructions& found) {
  return found.refused.empty()
             ? found.names
             : found.names + " (amx_bf16 is refused by the kernel, arch_prctl: " + found.refused + ")";
}

}  // namespace skein
