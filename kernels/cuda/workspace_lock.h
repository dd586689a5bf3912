// Several host threads may put work on one stream: virtual workers that share a GPU do. An operation whose launches hand
// something on in the stream's workspace holds it from its request to its last launch, or another thread's launches come
// in between and write over it.
#pragma once

#include <mutex>

#include "kernels/runtime.h"

namespace skein::cuda {

// const auto held = hold_workspace(stream);   the same thread may hold it twice
std::unique_lock<std::recursive_mutex> hold_workspace(Stream);

}  // namespace skein::cuda
