// kernels/device/runtime.h by the CUDA runtime. With a null stream a call waits for all earlier work of the device and
// is complete when it returns; it is meant for setting up and for reading back.
#include "kernels/device/runtime.h"

#include <cuda_runtime_api.h>

#include <atomic>
#include <map>
#include <mutex>

#include "kernels/cuda/dialect/cuda_check.h"
#include "kernels/cuda/dialect/workspace_lock.h"
#include "kernels/device/emulated.h"
#include "kernels/device/peers.h"
#include "kernels/device/timing.h"

namespace skein::cuda {
namespace {

constexpr size_t kWorkspaceGrain = size_t(1) << 20;
std::atomic<int64_t> allocation_count{0}, synchronization_count{0};

void* counted(void* memory) {
  ++allocation_count;
  return memory;
}

[[noreturn]] void out_of_memory(size_t bytes) {
  size_t free = 0, total = 0;
  cudaGetLastError();
  cudaMemGetInfo(&free, &total);
  throw RunFailed(
      "the GPU's memory is full: {:.1f} MB asked for, {:.1f} of {:.1f} MB are free. Lower --batch or --parallel",
      double(bytes) * 1e-6, double(free) * 1e-6, double(total) * 1e-6);
}

// Waits for the device if the stream is null.
void synchronize_null(Stream stream) {
  if (!stream) synchronize(stream);
}

// GPU to make current for work on the memory: without a stream its own, else any will do.
int device_for(Stream stream, const void* memory) { return stream ? -1 : device_of(memory); }

// Streams by themselves; of the null streams each GPU has one.
using StreamKey = std::pair<Stream, int>;
StreamKey key_of(Stream stream) { return {stream, stream ? -1 : current_device()}; }

// Scratch memory per stream. Blocks that have become too small are kept, since captured graphs may use them.
class Workspaces {
 public:
  void* get(Stream stream, size_t bytes) {
    const std::lock_guard lock(mutex_);
    auto& blocks = blocks_[key_of(stream)];
    if (blocks.empty() || blocks.back().second < bytes) {
      const size_t size = (bytes + kWorkspaceGrain - 1) / kWorkspaceGrain * kWorkspaceGrain;
      blocks.emplace_back(allocate(size), size);
    }
    return blocks.back().first;
  }
  std::unique_lock<std::recursive_mutex> hold(Stream stream) {
    std::unique_lock lock(mutex_);
    std::recursive_mutex& holder = holders_[key_of(stream)];  // references to map elements stay valid
    lock.unlock();
    return std::unique_lock(holder);
  }
  void release_all(Stream stream) {
    const std::lock_guard lock(mutex_);
    holders_.erase(key_of(stream));
    for (const auto& [memory, size] : blocks_[key_of(stream)]) release(memory);
    blocks_.erase(key_of(stream));
  }

 private:
  std::mutex mutex_;
  std::map<StreamKey, std::vector<std::pair<void*, size_t>>> blocks_;
  std::map<StreamKey, std::recursive_mutex> holders_;
};

Workspaces& workspaces() {
  static auto* all = new Workspaces;  // never destroyed: threads may outlive static objects
  return *all;
}

int device_count(cudaError_t& error) {
  int count = 0;
  error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) cudaGetLastError();  // clears the error, which the next launch would report
  return error == cudaSuccess ? count : 0;
}

}  // namespace

void call_failed(cudaError_t error, const char* call, const char* file, int line) {
  cudaGetLastError();
  throw RunFailed("{}:{}: {} failed: {} ({})", file, line, call, cudaGetErrorString(error), cudaGetErrorName(error));
}

bool emulated() {
#ifdef SKEIN_EMULATED
  return true;
#else
  return false;
#endif
}

bool available() { return absent_reason().empty(); }

std::string absent_reason() {
  cudaError_t error = cudaSuccess;
  if (device_count(error) > 0) return "";
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  if (driver == 0) return "there is no NVIDIA driver. Install it (Debian: nvidia-driver) and restart";
  if (error == cudaErrorInsufficientDriver)
    return fmt::format("the NVIDIA driver knows CUDA {}.{}, this skein needs {}.{}. Install a newer driver",
                       driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
  if (error == cudaSuccess || error == cudaErrorNoDevice)
    return "the NVIDIA driver sees no GPU. Check nvidia-smi and CUDA_VISIBLE_DEVICES";
  return fmt::format("the NVIDIA driver answers: {}. Check nvidia-smi", cudaGetErrorString(error));
}

std::vector<DeviceInfo> devices() {
  cudaError_t error = cudaSuccess;
  std::vector<DeviceInfo> all;
  for (int i = 0, count = device_count(error); i < count; ++i) {
    cudaDeviceProp p{};
    CUDA_CHECK(cudaGetDeviceProperties(&p, i));
    all.push_back({p.name, p.major, p.minor, p.multiProcessorCount, p.totalGlobalMem});
  }
  return all;
}

int64_t multiprocessors() {
  thread_local std::map<int, int64_t> counts;
  const int device = current_device();
  int64_t& count = counts[device];
  if (count == 0) {
    int value = 0;
    CUDA_CHECK(cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, device));
    count = value;
  }
  return count;
}

void* allocate(size_t bytes) {
  void* memory = nullptr;
  const cudaError_t error = cudaMalloc(&memory, bytes > 0 ? bytes : 1);
  if (error == cudaErrorMemoryAllocation) out_of_memory(bytes);
  CUDA_CHECK(error);
  return counted(memory);
}

// Called by destructors, so it does not throw: a call that may throw reports the failure.
void release(void* memory) { cudaFree(memory); }

void* allocate_pinned(size_t bytes) {
  void* memory = nullptr;
  CUDA_CHECK(cudaHostAlloc(&memory, bytes > 0 ? bytes : 1, cudaHostAllocDefault));
  return counted(memory);
}

void release_pinned(void* memory) { cudaFreeHost(memory); }

void copy(Stream stream, View from, View to) {
  CHECK(from.dtype == to.dtype && from.numel() == to.numel(), "copy of {} elements into {}", from.numel(), to.numel());
  const DeviceScope device(device_for(stream, to.data));
  synchronize_null(stream);
  CUDA_CHECK(cudaMemcpyAsync(to.data, from.data, from.bytes(), cudaMemcpyDeviceToDevice, stream));
  synchronize_null(stream);
}

void copy_to_host(Stream stream, View from, void* to) {
  const DeviceScope device(device_for(stream, from.data));
  synchronize_null(stream);
  CUDA_CHECK(cudaMemcpyAsync(to, from.data, from.bytes(), cudaMemcpyDeviceToHost, stream));
  synchronize(stream);
}

// CUDA stages pageable host memory before the call returns, so the host does not wait.
void copy_from_host(Stream stream, const void* from, View to) {
  const DeviceScope device(device_for(stream, to.data));
  synchronize_null(stream);
  CUDA_CHECK(cudaMemcpyAsync(to.data, from, to.bytes(), cudaMemcpyHostToDevice, stream));
  synchronize_null(stream);
}

void copy_to_host_async(Stream stream, View from, void* to) {
  CUDA_CHECK(cudaMemcpyAsync(to, from.data, from.bytes(), cudaMemcpyDeviceToHost, stream));
}

void copy_from_host_async(Stream stream, const void* from, View to) {
  CUDA_CHECK(cudaMemcpyAsync(to.data, from, to.bytes(), cudaMemcpyHostToDevice, stream));
}

void zero(Stream stream, View to) {
  const DeviceScope device(device_for(stream, to.data));
  synchronize_null(stream);
  CUDA_CHECK(cudaMemsetAsync(to.data, 0, to.bytes(), stream));
  synchronize_null(stream);
}

void synchronize(Stream stream) {
  ++synchronization_count;
  CUDA_CHECK(stream ? cudaStreamSynchronize(stream) : cudaDeviceSynchronize());
}

int64_t allocations() { return allocation_count; }
int64_t synchronizations() { return synchronization_count; }

Stream create_stream() {
  cudaStream_t stream = nullptr;
  CUDA_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return stream;
}

void destroy_stream(Stream stream) {
  if (!stream) return;
  cudaStreamSynchronize(stream);
  workspaces().release_all(stream);
  cudaStreamDestroy(stream);
}

void* workspace(Stream stream, size_t bytes) { return workspaces().get(stream, bytes); }
std::unique_lock<std::recursive_mutex> hold_workspace(Stream stream) { return workspaces().hold(stream); }

Event create_event() {
  cudaEvent_t event = nullptr;
  CUDA_CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  return event;
}

Event create_timing_event() {
  cudaEvent_t event = nullptr;
  CUDA_CHECK(cudaEventCreateWithFlags(&event, cudaEventDefault));
  return event;
}

void destroy_event(Event event) {
  if (event) cudaEventDestroy(event);
}

void record(Event event, Stream stream) { CUDA_CHECK(cudaEventRecord(event, stream)); }
void wait(Stream stream, Event event) { CUDA_CHECK(cudaStreamWaitEvent(stream, event, 0)); }

bool passed(Event event) {
  const cudaError_t state = cudaEventQuery(event);
  if (state == cudaErrorNotReady) return false;
  CUDA_CHECK(state);
  return true;
}

double seconds_between(Event begin, Event end) {
  float milliseconds = 0;
  CUDA_CHECK(cudaEventElapsedTime(&milliseconds, begin, end));
  return 1e-3 * double(milliseconds);
}

bool on_device(const void* memory) { return device_of(memory) >= 0; }

void begin_capture(Stream stream) {
  CHECK(stream, "the null stream cannot be captured");
  // Thread-local mode: calls of other workers' threads do not disturb the capture.
  CUDA_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
}

Graph end_capture(Stream stream) {
  cudaGraph_t graph = nullptr;
  CUDA_CHECK(cudaStreamEndCapture(stream, &graph));
  cudaGraphExec_t executable = nullptr;
  const cudaError_t error = cudaGraphInstantiate(&executable, graph, 0);
  cudaGraphDestroy(graph);
  CUDA_CHECK(error);
  return executable;
}

void cancel_capture(Stream stream) {
  cudaGraph_t graph = nullptr;
  if (cudaStreamEndCapture(stream, &graph) == cudaSuccess && graph) cudaGraphDestroy(graph);
  cudaGetLastError();
}

void launch_graph(Graph graph, Stream stream) { CUDA_CHECK(cudaGraphLaunch(graph, stream)); }

void destroy_graph(Graph graph) {
  if (graph) cudaGraphExecDestroy(graph);
}

}  // namespace skein::cuda
