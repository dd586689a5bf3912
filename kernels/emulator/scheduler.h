// Runs the grid of one kernel on the calling host thread, block after block. A thread of a block is a plain call until
// it meets a barrier or a warp operation; there it is parked, and the next one starts on a fresh stack. The order of
// blocks and of the threads of a block comes from the seed: 0 ascending, 1 descending, others shuffled. A result that
// depends on the seed is a race.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace skein::cuda::emulator {

// Returns what went wrong, naming the line, the block and the thread, or "". Only one kernel runs at a time: the caller
// sees to that.
std::string run_grid(const std::function<void()>& body, unsigned blocks, unsigned threads, uint64_t seed);

}  // namespace skein::cuda::emulator
