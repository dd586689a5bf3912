// Permission to use AMX: Linux keeps the tile state of a process only on request, and refuses it in some containers and
// where a signal stack is too small (Documentation/arch/x86/xstate.rst).
#pragma once

namespace skein::cpu {

// Error number of the kernel's answer; 0: granted. Asks at the first call, for all threads. Says nothing about the
// processor.
int request_amx_tiles();

}  // namespace skein::cpu
