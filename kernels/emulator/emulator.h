// Interface of the emulated devices for tests. The emulator defers work: a kernel, copy or host function runs only when
// the host waits for it, together with the work it depends on. A missing synchronisation or event wait therefore gives
// a wrong result every time. Device memory starts as NaN; freed memory is overwritten.
//
// Undefined behaviour on a device (a barrier that threads skip, use of freed memory) is a fault: it is printed, and
// every later call of the runtime returns an error, as after a crash of a device.
//
// Every device has memory, streams and events of its own. Work that touches another device's memory is a fault, unless
// peer access is enabled; cudaMemcpyPeer needs none. The check is of the addresses that a launch or a copy is given;
// within structs, of those that they list (device.h). A launch, or the record of an event, on a stream of another
// device than the calling thread's is refused. CUDA itself lets some copies between devices pass that the emulator does
// not.
//
// A single lock is held during every call, kernels included: several host threads may use the device, and one kernel
// runs at a time. Environment: SKEIN_EMULATOR_SEED (see set_seed()), SKEIN_EMULATOR_DEVICES (number of devices),
// SKEIN_EMULATOR_PEERS (0: no device can access another's memory).
#pragma once

#include <cstdint>
#include <string>

namespace skein::cuda::emulator {

// Order of blocks, threads, streams and branches of graphs. 0: ascending, work as late as possible. 1: descending, work
// as early as possible. Others: shuffled, late or early chosen per stream.
void set_seed(uint64_t);

void set_devices(int count);    // 0: no device and no driver. The calling thread's is the first then
void set_peers(bool possible);  // whether devices can access each other's memory; no access is enabled afterwards
void set_multiprocessors(int device, int count);
int64_t device_bytes(int device);  // alive in its memory

struct Counts {
  int64_t calls = 0;             // calls of the runtime, except cudaGetLastError and cudaPeekAtLastError
  int64_t allocations = 0;       // device and pinned
  int64_t synchronizations = 0;  // host waits: for a stream, an event, the device or a blocking copy
  int64_t launches = 0;          // kernels enqueued on streams or captured
  int64_t kernels = 0;           // kernels that ran
  int64_t graph_launches = 0;
  int64_t device_blocks = 0, device_bytes = 0, pinned_blocks = 0;  // alive, of all devices
  int64_t streams = 0, events = 0, graphs = 0, executable_graphs = 0;
};
Counts counts();

// Plans one failure: the n-th call of the runtime from now (1: the next), or the n-th call of `function` ("cudaMalloc";
// "cudaLaunchKernelExC" for launches). It returns cudaErrorMemoryAllocation from allocations, else cudaErrorUnknown.
void fail_call(int64_t n, const std::string& function = "");
bool call_failed();  // true once the planned failure has happened

std::string fault();  // the last fault, or ""
void reset();         // clears the fault and the deferred work
}  // namespace skein::cuda::emulator
