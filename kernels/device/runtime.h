// Memory of a device: allocate, release, copy; and, on a GPU, the order of work: streams, events, graphs. All tensor
// memory is allocated here, so a test can count that a steady training step allocates none.
//
//   copy                 to = from; same type and number of elements
//   zero                 to = 0
//   copy_to_host         to = from; done when the call returns
//   copy_from_host       to = from; the source, which must not be pinned, has been read when the call returns
//   copy_*_host_async    the same for pinned memory, which must not change until the stream has passed the copy
//   synchronize          the host waits for the stream
//
// A null stream on a GPU means no particular stream: such work runs after everything that the device was given before
// and is done when the call returns. Bytes: each View is moved once; host memory is not counted.
#pragma once

#include <string>
#include <vector>

#include "kernels/kernel.h"

struct CUevent_st;      // cudaEvent_t is CUevent_st*
struct CUgraphExec_st;  // cudaGraphExec_t is CUgraphExec_st*

namespace skein {

using Allocate = void*(size_t bytes);  // 64-byte aligned, 2 MiB aligned (huge pages) when large; contents undefined
using Release = void(void* memory);
using Copy = void(Stream, View from, View to);
using CopyToHost = void(Stream, View from, void* to);
using CopyFromHost = void(Stream, const void* from, View to);
using Zero = void(Stream, View to);
using Synchronize = void(Stream);

SKEIN_KERNEL(copy, Copy, each_once);
SKEIN_KERNEL(copy_to_host, CopyToHost, each_once);
SKEIN_KERNEL(copy_from_host, CopyFromHost, each_once);
SKEIN_KERNEL(zero, Zero, each_once);
SKEIN_KERNEL(synchronize, Synchronize, each_once);

namespace cpu {
Allocate allocate;
Release release;
int64_t allocations();  // number since the program started
}  // namespace cpu

namespace cuda {
using Event = CUevent_st*;
using Graph = CUgraphExec_st*;

struct DeviceInfo {
  std::string name;
  int major = 0, minor = 0, multiprocessors = 0;
  size_t memory = 0;  // bytes
};

bool available();                   // false without a driver or a device; absent_reason() names the cause and the fix
std::string absent_reason();        // empty when available
std::vector<DeviceInfo> devices();  // empty when not available
int current_device();
void use_device(int index);  // for the calling thread

Allocate allocate;
Release release;
int64_t allocations();       // number since the program started, of device and pinned memory
int64_t synchronizations();  // number of times that the host waited for a device

Allocate allocate_pinned;  // host memory that the device accesses directly
Release release_pinned;
CopyToHost copy_to_host_async;
CopyFromHost copy_from_host_async;

Stream create_stream();
void destroy_stream(Stream);  // waits for its work and releases its workspace
// Scratch memory of the kernels of one stream, valid until the next request on it
// (kernels/cuda/dialect/workspace_lock.h). A larger request allocates and keeps the smaller block, as a captured graph
// may still use it.
void* workspace(Stream, size_t bytes);

Event create_event();
void destroy_event(Event);
void record(Event, Stream);
void wait(Stream, Event);            // later work on the stream runs after the recorded work; the host does not wait
bool passed(Event);                  // true if the recorded work is done; does not wait
bool on_device(const void* memory);  // true for memory of allocate(), false for host memory

void begin_capture(Stream);
Graph end_capture(Stream);
void cancel_capture(Stream);  // after a failure inside it
void launch_graph(Graph, Stream);
void destroy_graph(Graph);
}  // namespace cuda

namespace kernel {
// On the CPU there is no pinned memory, and every copy is done when the call returns.
inline constexpr Kernel<CopyToHost> copy_to_host_async{"copy_to_host_async", cpu::copy_to_host,
                                                       SKEIN_ON_CUDA(copy_to_host_async), each_once};
}  // namespace kernel

}  // namespace skein
