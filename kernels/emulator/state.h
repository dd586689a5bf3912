// The emulated device and its runtime: one of each, behind one lock.
#pragma once

#include <cuda_runtime.h>
#include <fmt/format.h>

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "kernels/emulator/emulator.h"
#include "kernels/emulator/line.h"
#include "kernels/emulator/memory.h"

namespace skein::cuda::emulator {

// What streams were given between begin and end, one line per stream: the first is the one that began.
struct Capture {
  CUstream_st* origin = nullptr;
  cudaStreamCaptureMode mode{};
  std::thread::id owner;
  bool valid = true;
  std::vector<std::shared_ptr<Line>> lines;
  std::vector<CUstream_st*> members;
  ~Capture();
};

}  // namespace skein::cuda::emulator

// The handles of the runtime are pointers to these; the toolkit's headers only name them.
struct CUstream_st {
  std::shared_ptr<skein::cuda::emulator::Line> line;
  std::shared_ptr<skein::cuda::emulator::Capture> capture;  // null: none
  std::shared_ptr<skein::cuda::emulator::Line> captured;    // the line of this stream in it
  const std::shared_ptr<skein::cuda::emulator::Line>& target() const { return capture ? captured : line; }
};

struct CUevent_st {
  bool timed = false;
  std::shared_ptr<skein::cuda::emulator::Point> point;    // null: never recorded
  std::weak_ptr<skein::cuda::emulator::Capture> capture;  // of the last record
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
  CUstream_st null_stream;
  std::set<CUstream_st*> streams;
  std::set<CUevent_st*> events;
  std::set<CUgraph_st*> graphs;
  std::set<CUgraphExec_st*> executables;
  std::vector<std::shared_ptr<Line>> orphans;  // of streams that were destroyed before their work was done
  std::set<Capture*> captures;

  uint64_t seed = 0;
  int64_t streams_made = 0;
  int devices = 1;
  Counts counts;
  std::string fault;
  cudaError_t sticky = cudaSuccess;
  int64_t fail_in = 0;  // 0: no failure is planned
  std::string fail_function;
  bool failed = false;

  State();
};
State& state();

// A fault: every later call returns the error. The message says where and what.
void set_fault(cudaError_t, std::string message);

// A refusal: the call returns the error; why is printed, as CUDA's own words say little.
template <class... A>
cudaError_t refuse(cudaError_t error, fmt::format_string<A...> why, A&&... args) {
  fmt::print(stderr, "emulator: {}\n", fmt::format(why, std::forward<A>(args)...));
  return error;
}

enum class Kind : uint8_t {
  usual,
  release,  // gives something back: does so even where it returns an error
  query,    // needs no device
};

// What every function of the runtime does around its body.
cudaError_t begin_call(const char* name, Kind);
cudaError_t end_call(cudaError_t);
cudaError_t& last_error();  // of the calling thread
bool in_host_function();

template <class Body>
cudaError_t call(const char* name, Kind kind, Body body) {
  if (in_host_function())
    return end_call(refuse(cudaErrorNotPermitted, "{} is called by a host function of a stream", name));
  const std::lock_guard lock(state().mutex);
  const cudaError_t before = begin_call(name, kind);
  if (before != cudaSuccess && kind != Kind::release) return end_call(before);
  const cudaError_t after = body();
  return end_call(before != cudaSuccess ? before : after);
}

template <class Body>
cudaError_t call(const char* name, Body body) {
  return call(name, Kind::usual, body);
}

CUstream_st* find_stream(cudaStream_t);  // null: destroyed, or never made
bool run_early(int64_t number);          // by the seed: of a stream, or of a launch of a graph
// Puts the work on the stream, or into the graph that is being captured from it.
cudaError_t enqueue(CUstream_st&, const char* name, Work);
// The stream does everything that it was given. Not allowed while it is captured.
cudaError_t wait_for(CUstream_st&, const char* name);
// For a host that asks whether the line is there: not ready, but a little further than before.
cudaError_t query(Line&, int64_t position);
void run_host_function(cudaHostFn_t, void* data);

void join(CUstream_st&, const std::shared_ptr<Capture>&);  // the stream is captured as well
void leave(Capture&);                                      // its streams are captured no longer
cudaError_t invalidate(Capture&, const char* name);        // for what is not allowed in one
// For what a thread that captures may not do at all, nor anybody while one captures globally.
cudaError_t refuse_while_capturing(const char* name);

}  // namespace skein::cuda::emulator
