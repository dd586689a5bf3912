// The emulated device, seen from a test. The emulator holds work back: a kernel, copy or host function runs when the
// host waits for it, and then only it and what it was told to come after. So a synchronise or an event wait that is
// missing shows as a wrong result, every time. Device memory starts as not-a-numbers; freed memory is scribbled over.
//
// What cannot happen on a healthy device (a barrier that threads skip, memory that was freed) is a fault: it is
// printed, and every later call of the runtime returns an error, as after a crash on a device.
//
// One lock is held during every call, kernels included: several host threads may use the device, one kernel runs at a
// time. Environment: SKEIN_EMULATOR_SEED, SKEIN_EMULATOR_DEVICES.
#pragma once

#include <cstdint>
#include <string>

namespace skein::cuda::emulator {

// The order of blocks, threads, streams and branches of graphs. 0: ascending, work as late as possible. 1: descending,
// work as early as possible. Others: shuffled, late or early stream by stream.
void set_seed(uint64_t);

void set_devices(int count);  // 0: no device, and no driver either

struct Counts {
  int64_t calls = 0;             // of the runtime; asking for the last error is none
  int64_t allocations = 0;       // device and pinned
  int64_t synchronizations = 0;  // the host waited: for a stream, an event, the device or a blocking copy
  int64_t launches = 0;          // kernels put on streams or into graphs
  int64_t kernels = 0;           // kernels that ran
  int64_t graph_launches = 0;
  int64_t device_blocks = 0, device_bytes = 0, pinned_blocks = 0;  // alive
  int64_t streams = 0, events = 0, graphs = 0, executable_graphs = 0;
};
Counts counts();

// The n-th call of the runtime from now (1: the next), or of this function alone ("cudaMalloc"; "cudaLaunchKernelExC"
// for launches), returns an error: out of memory where memory is asked for, else cudaErrorUnknown. Once.
void fail_call(int64_t n, const std::string& function = "");
bool call_failed();  // the planned failure has come to pass

std::string fault();  // the last one, or ""
void reset();         // after a fault: forgets it and the work that was held back
}  // namespace skein::cuda::emulator
