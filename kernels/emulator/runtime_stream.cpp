// Emulated CUDA runtime: streams. Only non-blocking streams, as skein creates: they and the null stream do not wait for
// each other.
#include <algorithm>

#include "kernels/emulator/state.h"

namespace skein::cuda::emulator {
namespace {

// One pseudo-random bit per number: the finaliser of SplitMix64.
bool coin(uint64_t seed, uint64_t number) {
  uint64_t z = (seed + 1) * 0x9E3779B97F4A7C15 + number * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return (z >> 63) != 0;
}

}  // namespace

bool run_early(int64_t number) {
  const uint64_t seed = state().seed;
  return seed == 1 || (seed > 1 && coin(seed, uint64_t(number)));
}

CUstream_st& null_stream(int device) {
  CUstream_st& stream = state().null_streams[device];
  if (!stream.queue) stream.queue = std::make_shared<WorkQueue>();
  stream.device = device;
  return stream;
}

CUstream_st* find_stream(cudaStream_t stream) {
  State& s = state();
  if (!stream) return &null_stream(current_device());
  if (s.streams.contains(stream)) return stream;
  refuse(cudaErrorInvalidResourceHandle, "a stream that was destroyed, or never made");
  return nullptr;
}

cudaError_t enqueue(CUstream_st& stream, const char* name, Work work) {
  if (stream.capture && !stream.capture->valid)
    return refuse(cudaErrorStreamCaptureInvalidated, "{} on a stream whose capture has failed", name);
  WorkQueue& queue = *stream.target();
  queue.add(std::move(work));
  if (!stream.capture && queue.early) run_until(queue, queue.end());
  return cudaSuccess;
}

cudaError_t wait_for(CUstream_st& stream, const char* name) {
  if (stream.capture) return invalidate(*stream.capture, name);
  ++state().counts.synchronizations;
  run_until(*stream.queue, stream.queue->end());
  host_waits_for(*stream.queue);
  return state().sticky;
}

// Runs one work item per query, so that a host that polls makes progress.
cudaError_t query(WorkQueue& queue, int64_t position) {
  if (queue.done >= position) {
    host_waits_for(queue);
    return cudaSuccess;
  }
  run_until(queue, queue.done + 1);
  return state().sticky != cudaSuccess ? state().sticky : cudaErrorNotReady;
}

}  // namespace skein::cuda::emulator

using namespace skein::cuda::emulator;

namespace {

// Of the current device.
cudaError_t wait_for_all() {
  State& s = state();
  if (!s.captures.empty()) return invalidate(**s.captures.begin(), "cudaDeviceSynchronize");
  ++s.counts.synchronizations;
  const int device = current_device();
  std::vector<std::shared_ptr<WorkQueue>> queues;
  for (const auto& [owner, queue] : s.orphans)
    if (owner == device) queues.push_back(queue);
  queues.push_back(null_stream(device).queue);
  for (CUstream_st* stream : s.streams)
    if (stream->device == device) queues.push_back(stream->queue);
  if (run_early(0)) std::reverse(queues.begin(), queues.end());
  for (const auto& queue : queues) {
    run_until(*queue, queue->end());
    host_waits_for(*queue);
  }
  std::erase_if(s.orphans, [device](const auto& orphan) { return orphan.first == device; });
  return s.sticky;
}

}  // namespace

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return call("cudaStreamCreateWithFlags", [&] {
    if (flags != cudaStreamNonBlocking)
      return refuse(cudaErrorNotSupported,
                    "only non-blocking streams are emulated: the others wait for the null stream");
    auto queue = std::make_shared<WorkQueue>();
    queue->early = run_early(++state().streams_made);
    *stream = new CUstream_st{std::move(queue), nullptr, nullptr, current_device()};
    state().streams.insert(*stream);
    return cudaSuccess;
  });
}

// Pending work is kept: it runs when the host waits for the device or for an event of the stream.
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return call("cudaStreamDestroy", CallKind::release, [&] {
    State& s = state();
    if (!s.streams.contains(stream)) return refuse(cudaErrorInvalidResourceHandle, "a stream is destroyed twice");
    if (stream->capture) leave(*stream->capture);
    if (!stream->queue->work.empty()) s.orphans.emplace_back(stream->device, stream->queue);
    s.streams.erase(stream);
    delete stream;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return call("cudaStreamSynchronize", [&] {
    CUstream_st* const s = find_stream(stream);
    return s ? wait_for(*s, "cudaStreamSynchronize") : cudaErrorInvalidResourceHandle;
  });
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return call("cudaStreamQuery", [&] {
    CUstream_st* const s = find_stream(stream);
    if (!s) return cudaErrorInvalidResourceHandle;
    return s->capture ? invalidate(*s->capture, "cudaStreamQuery") : query(*s->queue, s->queue->end());
  });
}

cudaError_t cudaDeviceSynchronize() {
  return call("cudaDeviceSynchronize", [] { return wait_for_all(); });
}
