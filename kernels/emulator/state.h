// State of the emulated devices and their runtime: one of each per process, behind one lock.
#pragma once

#include <cuda_runtime.h>
#include <fmt/format.h>

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "kernels/emulator/emulator.h"
#include "kernels/emulator/memory.h"
#include "kernels/emulator/work_queue.h"

namespace skein::cuda::emulator {

// Work captured from streams, one queue per stream; the first is the origin's, on which the capture began.
struct Capture {
  CUstream_st* origin = nullptr;
  cudaStreamCaptureMode mode{};
  std::thread::id owner;
  bool valid = true;
  std::vector<std::shared_ptr<WorkQueue>> queues;
  std::vector<CUstream_st*> members;
  int device = 0;  // of the origin
  ~Capture();
};

}  // namespace skein::cuda::emulator

// Handle types of the runtime, which the toolkit's headers only declare. Streams and events belong to the device that
// was current when they were made.
struct CUstream_st {
  std::shared_ptr<skein::cuda::emulator::WorkQueue> queue;
  std::shared_ptr<skein::cuda::emulator::Capture> capture;     // null: not capturing
  std::shared_ptr<skein::cuda::emulator::WorkQueue> captured;  // this stream's queue in the capture
  int device = 0;
  const std::shared_ptr<skein::cuda::emulator::WorkQueue>& target() const { return capture ? captured : queue; }
};

struct CUevent_st {
  int device = 0;
  bool timed = false;
  std::shared_ptr<skein::cuda::emulator::QueuePosition> point;  // null: never recorded
  std::weak_ptr<skein::cuda::emulator::Capture> capture;        // capture of the last record
  bool captured = false;
};

struct CUgraph_st {
  std::shared_ptr<const skein::cuda::emulator::Capture> work;
};

struct CUgraphExec_st {
  std::shared_ptr<const skein::cuda::emulator::Capture> work;
};

namespace skein::cuda::emulator {

struct State {
  std::mutex mutex;
  Memory memory;
  std::map<int, CUstream_st> null_streams;  // by device; see null_stream()
  std::set<CUstream_st*> streams;
  std::set<CUevent_st*> events;
  std::set<CUgraph_st*> graphs;
  std::set<CUgraphExec_st*> executables;
  // Queues, with their devices, of streams that were destroyed before their work was done.
  std::vector<std::pair<int, std::shared_ptr<WorkQueue>>> orphans;
  std::set<Capture*> captures;

  uint64_t seed = 0;
  int64_t streams_made = 0;
  int devices = 1;
  bool peers = true;                      // devices can access each other's memory, once it is enabled
  std::set<std::pair<int, int>> enabled;  // (device, peer whose memory it may access)
  std::map<int, int> multiprocessors;     // of devices that have another number than the rest
  Counts counts;
  std::string fault;
  cudaError_t sticky = cudaSuccess;
  int64_t fail_in = 0;  // calls until the planned failure; 0: none is planned
  std::string fail_function;
  bool failed = false;

  State();
};
State& state();

// Records and prints a fault: every later call returns the error.
void set_fault(cudaError_t, std::string message);

// Refuses a call: prints the reason, since CUDA's own text says little, and returns the error.
template <class... A>
cudaError_t refuse(cudaError_t error, fmt::format_string<A...> why, A&&... args) {
  fmt::print(stderr, "emulator: {}\n", fmt::format(why, std::forward<A>(args)...));
  return error;
}

enum class CallKind : uint8_t {
  usual,
  release,  // releases a resource, even if the call returns an error
  query,    // needs no device
};

// Common beginning and end of every function of the runtime; see call().
cudaError_t begin_call(const char* name, CallKind);
cudaError_t end_call(cudaError_t);
cudaError_t& last_error();  // of the calling thread
bool in_host_function();

// Runs the body of a function of the runtime under the lock, with planned failures and faults.
template <class Body>
cudaError_t call(const char* name, CallKind kind, Body body) {
  if (in_host_function())
    return end_call(refuse(cudaErrorNotPermitted, "{} is called by a host function of a stream", name));
  const std::lock_guard lock(state().mutex);
  const cudaError_t before = begin_call(name, kind);
  if (before != cudaSuccess && kind != CallKind::release) return end_call(before);
  const cudaError_t after = body();
  return end_call(before != cudaSuccess ? before : after);
}

template <class Body>
cudaError_t call(const char* name, Body body) {
  return call(name, CallKind::usual, body);
}

int& current_device();  // of the calling thread
CUstream_st& null_stream(int device);
CUstream_st* find_stream(cudaStream_t);  // null: the stream was destroyed or never created
bool run_early(int64_t number);          // choice by the seed, for a stream or a graph launch
// True if work of `device` may access the memory at p. Else it names both devices in `why`.
bool may_access(int device, const void* p, std::string& why);
// Appends work to the stream, or to the graph that is being captured from it.
cudaError_t enqueue(CUstream_st&, const char* name, Work);
// Runs all work of the stream. Not allowed during capture.
cudaError_t wait_for(CUstream_st&, const char* name);
// Success if the queue has reached the position; else runs one work item and returns cudaErrorNotReady.
cudaError_t query(WorkQueue&, int64_t position);
void run_host_function(cudaHostFn_t, void* data);

void join(CUstream_st&, const std::shared_ptr<Capture>&);  // adds a stream to the capture
void leave(Capture&);                                      // removes all streams from the capture
cudaError_t invalidate(Capture&, const char* name);        // for calls that are not allowed during capture
// For calls that are not allowed on a capturing thread, nor on any thread during a global capture.
cudaError_t refuse_while_capturing(const char* name);

}  // namespace skein::cuda::emulator
