// Lock of a stream's workspace. Several host threads may use one stream: virtual workers that share a GPU do. An
// operation whose launches pass data through the workspace must hold the lock from its request to its last launch;
// otherwise another thread's launches could overwrite that data in between.
#pragma once

#include <mutex>

#include "kernels/runtime.h"

namespace skein::cuda {

// const auto held = hold_workspace(stream);
// Recursive: the same thread may hold it twice.
std::unique_lock<std::recursive_mutex> hold_workspace(Stream);

}  // namespace skein::cuda
