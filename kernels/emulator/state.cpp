#include "kernels/emulator/state.h"

#include <cstdlib>

#include "kernels/emulator/sanitizer.h"

namespace skein::cuda::emulator {
namespace {

thread_local bool host_function_runs = false;

int64_t from_environment(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoll(text, nullptr, 10) : otherwise;
}

bool asks_for_memory(const std::string& name) {
  return name == "cudaMalloc" || name == "cudaHostAlloc" || name == "cudaMallocHost";
}

cudaError_t planned_failure(const std::string& name) {
  State& s = state();
  if (s.fail_in == 0 || (!s.fail_function.empty() && s.fail_function != name) || --s.fail_in > 0) return cudaSuccess;
  s.failed = true;
  return asks_for_memory(name) ? cudaErrorMemoryAllocation : cudaErrorUnknown;
}

}  // namespace

State::State()
    : seed(uint64_t(from_environment("SKEIN_EMULATOR_SEED", 0))),
      devices(int(from_environment("SKEIN_EMULATOR_DEVICES", 1))),
      peers(from_environment("SKEIN_EMULATOR_PEERS", 1) != 0) {}

int& current_device() {
  thread_local int device = 0;
  return device;
}

State& state() {
  static auto* one = new State;  // never destroyed: threads may outlive static objects
  return *one;
}

void set_fault(cudaError_t error, std::string message) {
  fmt::print(stderr, "emulator: {}\n", message);
  state().fault = std::move(message);
  state().sticky = error;
}

cudaError_t begin_call(const char* name, CallKind kind) {
  State& s = state();
  ++s.counts.calls;
  if (const cudaError_t error = planned_failure(name); error != cudaSuccess) return error;
  if (s.sticky != cudaSuccess) return s.sticky;
  if (s.devices == 0 && kind != CallKind::query) return cudaErrorInsufficientDriver;
  return cudaSuccess;
}

cudaError_t& last_error() {
  thread_local cudaError_t error = cudaSuccess;
  return error;
}

cudaError_t end_call(cudaError_t error) {
  if (error != cudaSuccess) last_error() = error;
  return error;
}

bool in_host_function() { return host_function_runs; }

void run_host_function(cudaHostFn_t function, void* data) {
  host_function_runs = true;
  {
    const WatchedAccesses watched;
    function(data);
  }
  host_function_runs = false;
}

void set_seed(uint64_t seed) {
  const std::lock_guard lock(state().mutex);
  state().seed = seed;
  state().streams_made = 0;
}

void set_devices(int count) {
  const std::lock_guard lock(state().mutex);
  state().devices = count;
  current_device() = 0;
}

void set_peers(bool possible) {
  const std::lock_guard lock(state().mutex);
  state().peers = possible;
  state().enabled.clear();
}

void set_multiprocessors(int device, int count) {
  const std::lock_guard lock(state().mutex);
  state().multiprocessors[device] = count;
}

int64_t device_bytes(int device) {
  const std::lock_guard lock(state().mutex);
  return int64_t(state().memory.device_bytes(device));
}

Counts counts() {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  Counts c = s.counts;
  c.device_blocks = s.memory.blocks(MemoryKind::device);
  for (int device = 0; device < s.devices; ++device) c.device_bytes += int64_t(s.memory.device_bytes(device));
  c.pinned_blocks = s.memory.blocks(MemoryKind::pinned);
  c.streams = int64_t(s.streams.size());
  c.events = int64_t(s.events.size());
  c.graphs = int64_t(s.graphs.size());
  c.executable_graphs = int64_t(s.executables.size());
  return c;
}

void fail_call(int64_t n, const std::string& function) {
  const std::lock_guard lock(state().mutex);
  state().fail_in = n;
  state().fail_function = function;
  state().failed = false;
}

bool call_failed() {
  const std::lock_guard lock(state().mutex);
  return state().failed;
}

std::string fault() {
  const std::lock_guard lock(state().mutex);
  return state().fault;
}

void reset() {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  const auto forget = [](WorkQueue& queue) {
    queue.done = queue.end();
    queue.work.clear();
  };
  for (auto& [device, stream] : s.null_streams) forget(*stream.queue);
  for (CUstream_st* stream : s.streams) forget(*stream->queue);
  for (const auto& [device, queue] : s.orphans) forget(*queue);
  s.orphans.clear();
  s.fault.clear();
  s.sticky = cudaSuccess;
  s.fail_in = 0;
  last_error() = cudaSuccess;
}

}  // namespace skein::cuda::emulator
