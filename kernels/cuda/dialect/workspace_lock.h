// Lock of a stream's workspace. Several host threads may put work on one stream: virtual workers that share a GPU do.
// The rule: an operation that passes data from one launch to the next in the workspace, or gives it to a library, holds
// the lock from its request to its last launch. Otherwise launches of another thread could come between and overwrite
// the data. No kernel relies on its caller for this, not even where a caller holds the stream for a whole step.
#pragma once

#include <mutex>

#include "kernels/device/runtime.h"

namespace skein::cuda {

// const auto held = hold_workspace(stream);
// Recursive: the same thread may hold it twice.
std::unique_lock<std::recursive_mutex> hold_workspace(Stream);

}  // namespace skein::cuda
