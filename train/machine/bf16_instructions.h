// Instructions of this processor that multiply bf16 numbers. AMX needs the kernel's permission as well
// (kernels/device/amx.h).
#pragma once

#include <string>

#include "train/machine/machine.h"

namespace skein {

struct Bf16Instructions {
  std::string names;    // "amx_bf16 avx512_bf16", "avx512_bf16"; "none"
  std::string refused;  // reason why the kernel refuses AMX; empty if the processor lacks it or the kernel grants it
};

// The first call asks the kernel for the tile state of the process.
Bf16Instructions bf16_instructions(const Processor&);

std::string to_text(const Bf16Instructions&);  // "avx512_bf16 (amx_bf16 is refused by the kernel: ...)"

}  // namespace skein
