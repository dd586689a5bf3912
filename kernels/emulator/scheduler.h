// Scheduler: runs the grid of one kernel on the calling host thread, one block after another. A thread of a block is a
// plain function call until it reaches a barrier or a warp operation; there it is suspended, and the next thread starts
// on a fresh stack. The seed gives the order of blocks and of a block's threads: 0 ascending, 1 descending, others
// shuffled. A result that depends on the seed shows a race.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace skein::cuda::emulator {

// Runs body once per thread. Returns the fault, which names the source line, the block and the thread, or "". The
// caller must make sure that only one kernel runs at a time.
std::string run_grid(const std::function<void()>& body, unsigned blocks, unsigned threads, uint64_t seed);

}  // namespace skein::cuda::emulator
