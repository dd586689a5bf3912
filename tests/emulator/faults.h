// Kernels with a fault each, and their sound twins. What finds the fault is in the tests beside it (order, poison,
// AddressSanitizer) and sanitize.cpp (ThreadSanitizer, MemorySanitizer).
#pragma once

#include "kernels/view.h"

namespace skein::faults {

constexpr int kThreads = 64;

// y[t] = x[t - 1] by way of shared memory. Without the barrier it is right as long as threads run in ascending order.
void shift(Stream, const float* x, float* y, bool barrier);
// y[t] = x[t + 1], the first after the last, in a block as large as the kernels'. The array is written once more after
// it was read: without the barrier in between perhaps before.
void rotate(Stream, const float* x, float* y, bool barrier);
// y = the sum of x[0 .. blocks * kThreads), by atomic additions or without.
void sum(Stream, const float* x, float* y, int64_t blocks, bool atomic);
// y[t] = what a neighbour in the warp has put into shared memory, with __syncwarp in between or without.
void neighbour(Stream, const float* x, float* y, bool sync);
// y[i] = x[i] for i <= last: one too many if last is n.
void copy(Stream, const float* x, float* y, int64_t last);
// y[0] = x[0] if that is positive: a branch on what x holds.
void positive(Stream, const float* x, float* y);
// y[t] = element t of a shared array of 32.
void read_shared(Stream, float* y, int threads, int written);
// Writes element `at` of a shared array of 32, after another array.
void write_shared(Stream, float* y, int at);
// y[0] = the number of lanes of the first warp with t >= from, lanes below `exit` having returned.
void count_lanes(Stream, float* y, int exit, unsigned mask);
// Lanes from `from` on wait for the first warp's lanes of this mask.
void sync_lanes(Stream, int from, unsigned mask);
void shuffle_from(Stream, float* y, int source, unsigned mask);
// Threads from `from` on skip a barrier; or wait at another one.
void skip_barrier(Stream, int from);
void two_barriers(Stream, int from);
void huge_shared(Stream);
// y[0] += a, on one thread: a is a value when the launch is made.
void add(Stream, float a, float* y);
// A pointer within a struct, which the emulator cannot see before it is followed.
void add_hidden(Stream, float a, float* y);
void launch_empty(Stream, int64_t blocks, int threads);

}  // namespace skein::faults
