// Are this build's GPUs the emulator's (kernels/emulator)? They are for tests: --device auto never takes one.
#pragma once

namespace skein::cuda {
bool emulated();
}  // namespace skein::cuda
