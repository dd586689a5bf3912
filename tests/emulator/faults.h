// Kernels with one planted fault each, switched on or off by an argument. The tests beside this file detect the faults
// by thread order, poisoned memory and AddressSanitizer; sanitize.cpp by ThreadSanitizer and MemorySanitizer.
#pragma once

#include "kernels/view.h"

namespace skein::faults {

constexpr int kThreads = 64;

// y[t] = x[t - 1] through shared memory. Without the barrier it is correct only if threads run in ascending order.
void shift(Stream, const float* x, float* y, bool barrier);
// y[t] = x[t + 1], cyclically, in a block of the kernels' default size. The shared array is written again after it was
// read; without the barrier in between it may be written before.
void rotate(Stream, const float* x, float* y, bool barrier);
// y += sum of x[0 .. blocks * kThreads), with or without atomic additions.
void sum(Stream, const float* x, float* y, int64_t blocks, bool atomic);
// y[t] = x[t ^ 1] through shared memory within a warp, with or without __syncwarp in between.
void neighbour(Stream, const float* x, float* y, bool sync);
// y[i] = x[i] for i <= last: out of bounds by one if last is n.
void copy(Stream, const float* x, float* y, int64_t last);
// y[0] = x[0] if that is positive: a branch on x[0].
void positive(Stream, const float* x, float* y);
// y[t] = element t of a shared array of 32, of which the first `written` have been written.
void read_shared(Stream, float* y, int threads, int written);
// Writes element `at` of a shared array of 32, after another array.
void write_shared(Stream, float* y, int at);
// y[0] = number of lanes in a ballot with this mask, after the lanes below `exit` have returned.
void count_lanes(Stream, float* y, int exit, unsigned mask);
// Lanes from `from` on call __syncwarp with this mask.
void sync_lanes(Stream, int from, unsigned mask);
void shuffle_from(Stream, float* y, int source, unsigned mask);
// Threads from `from` on skip a barrier, or wait at a different one.
void skip_barrier(Stream, int from);
void two_barriers(Stream, int from);
void huge_shared(Stream);
// y[0] += a, by one thread. a is passed by value at launch.
void add(Stream, float a, float* y);
// As add(), with the pointer inside a struct, which the emulator cannot check at launch.
void add_hidden(Stream, float a, float* y);
void launch_empty(Stream, int64_t blocks, int threads);

}  // namespace skein::faults
