// True in a build whose GPUs are emulated (kernels/emulator). They are for tests: --device auto never chooses one.
#pragma once

namespace skein::cuda {
bool emulated();
}  // namespace skein::cuda
