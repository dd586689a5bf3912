// Emulated CUDA runtime: capture and graphs. A graph consists of the work captured from each stream and the waits
// between the streams.
#include <algorithm>
#include <map>

#include "kernels/emulator/state.h"

namespace skein::cuda::emulator {

// Clears the queues, to break the reference cycle: positions refer to queues, and queues hold positions.
Capture::~Capture() {
  for (const auto& queue : queues) queue->work.clear();
}

void join(CUstream_st& stream, const std::shared_ptr<Capture>& capture) {
  stream.capture = capture;
  stream.captured = std::make_shared<WorkQueue>();
  capture->queues.push_back(stream.captured);
  capture->members.push_back(&stream);
}

// Ends the capture of all its streams.
void leave(Capture& capture) {
  state().captures.erase(&capture);
  const std::shared_ptr<Capture> keep = capture.origin->capture;
  for (CUstream_st* stream : capture.members) {
    stream->capture.reset();
    stream->captured.reset();
  }
  capture.members.clear();
}

cudaError_t invalidate(Capture& capture, const char* name) {
  capture.valid = false;
  return refuse(cudaErrorStreamCaptureUnsupported, "{} is not allowed while a stream is captured", name);
}

cudaError_t refuse_while_capturing(const char* name) {
  cudaError_t error = cudaSuccess;
  for (Capture* c : state().captures)
    if (c->mode == cudaStreamCaptureModeGlobal ||
        (c->mode == cudaStreamCaptureModeThreadLocal && c->owner == std::this_thread::get_id()))
      error = invalidate(*c, name);
  return error;
}

namespace {

// Computes how far every queue has advanced when `queue` has reached `position`.
void follow(const WorkQueue& queue, int64_t position, std::map<const WorkQueue*, int64_t>& reached) {
  int64_t& before = reached[&queue];
  if (position <= before) return;
  const int64_t from = std::exchange(before, position);
  for (int64_t i = from; i < position; ++i)
    if (const auto& after = queue.work[size_t(i)].after) follow(*after->queue, after->position, reached);
}

// True if the origin stream waits for the work of every other captured stream.
bool joined(const Capture& capture) {
  std::map<const WorkQueue*, int64_t> reached;
  follow(*capture.queues.front(), capture.queues.front()->end(), reached);
  return std::all_of(capture.queues.begin(), capture.queues.end(), [&](const auto& queue) {
    const auto& work = queue->work;
    const auto last = std::find_if(work.rbegin(), work.rend(), [](const Work& w) { return w.run != nullptr; });
    return reached.contains(queue.get()) && reached[queue.get()] >= work.rend() - last;
  });
}

// Runs the work of a graph once, on copies of its queues with the waits between the copies.
void run_graph(const Capture& graph, int64_t number) {
  std::map<const WorkQueue*, std::shared_ptr<WorkQueue>> queues;
  std::map<const QueuePosition*, std::shared_ptr<QueuePosition>> points;
  for (const auto& queue : graph.queues) queues[queue.get()] = std::make_shared<WorkQueue>();
  const auto copy = [&](const std::shared_ptr<QueuePosition>& point) -> std::shared_ptr<QueuePosition> {
    if (!point) return nullptr;
    auto& twin = points[point.get()];
    if (!twin)
      twin = std::make_shared<QueuePosition>(QueuePosition{queues.at(point->queue.get()), point->position, {}, 0});
    return twin;
  };
  for (const auto& queue : graph.queues)
    for (const Work& w : queue->work)
      queues[queue.get()]->add({.run = w.run, .after = copy(w.after), .pass = copy(w.pass)});
  const auto finish = [&](const std::shared_ptr<WorkQueue>& queue) { run_until(*queues[queue.get()], queue->end()); };
  if (run_early(number))
    std::for_each(graph.queues.rbegin(), graph.queues.rend(), finish);
  else
    finish(graph.queues.front());
  for (auto& [original, queue] : queues) queue->work.clear();  // work left by a fault would form a reference cycle
}

}  // namespace
}  // namespace skein::cuda::emulator

using namespace skein::cuda::emulator;

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  return call("cudaStreamBeginCapture", [&] {
    if (!stream) return refuse(cudaErrorStreamCaptureUnsupported, "the null stream cannot be captured");
    CUstream_st* const s = find_stream(stream);
    if (!s) return cudaErrorInvalidResourceHandle;
    if (s->capture) return invalidate(*s->capture, "a second cudaStreamBeginCapture");
    auto capture = std::make_shared<Capture>();
    capture->origin = s;
    capture->device = s->device;
    capture->mode = mode;
    capture->owner = std::this_thread::get_id();
    join(*s, capture);
    state().captures.insert(capture.get());
    return cudaSuccess;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  return call("cudaStreamEndCapture", CallKind::release, [&] {
    *graph = nullptr;
    CUstream_st* const s = find_stream(stream);
    if (!s) return cudaErrorInvalidResourceHandle;
    const std::shared_ptr<Capture> capture = s->capture;
    if (!capture) return refuse(cudaErrorIllegalState, "cudaStreamEndCapture of a stream that is not captured");
    if (capture->origin != s)
      return capture->valid = false,
             refuse(cudaErrorStreamCaptureUnmatched, "a capture is ended on another stream than it began on");
    if (capture->mode != cudaStreamCaptureModeRelaxed && capture->owner != std::this_thread::get_id())
      return refuse(cudaErrorStreamCaptureWrongThread, "a capture is ended by another thread than began it");
    leave(*capture);
    if (!capture->valid) return cudaErrorStreamCaptureInvalidated;
    if (!joined(*capture))
      return refuse(cudaErrorStreamCaptureUnjoined, "a stream joined the capture, and nothing waits for its work");
    *graph = new CUgraph_st{capture};
    state().graphs.insert(*graph);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  return call("cudaStreamIsCapturing", [&] {
    CUstream_st* const s = find_stream(stream);
    if (!s) return cudaErrorInvalidResourceHandle;
    *status = !s->capture         ? cudaStreamCaptureStatusNone
              : s->capture->valid ? cudaStreamCaptureStatusActive
                                  : cudaStreamCaptureStatusInvalidated;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  return call("cudaGraphInstantiate", [&] {
    if (!state().graphs.contains(graph))
      return refuse(cudaErrorInvalidValue, "a graph that was destroyed, or never made");
    *executable = new CUgraphExec_st{graph->work};
    state().executables.insert(*executable);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return call("cudaGraphLaunch", [&] {
    CUstream_st* const s = find_stream(stream);
    if (!s) return cudaErrorInvalidResourceHandle;
    if (!state().executables.contains(executable))
      return refuse(cudaErrorInvalidValue, "an executable graph that was destroyed, or never made");
    if (executable->work->device != s->device)
      return refuse(cudaErrorInvalidValue, "a graph captured on device {} is launched on a stream of device {}",
                    executable->work->device, s->device);
    if (s->capture) return invalidate(*s->capture, "a graph within a graph (the emulator has none)");
    const int64_t number = ++state().counts.graph_launches;
    return enqueue(*s, "cudaGraphLaunch", {.run = [work = executable->work, number] { run_graph(*work, number); }});
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return call("cudaGraphDestroy", CallKind::release, [&] {
    if (state().graphs.erase(graph) == 0) return refuse(cudaErrorInvalidValue, "a graph is destroyed twice");
    delete graph;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return call("cudaGraphExecDestroy", CallKind::release, [&] {
    if (state().executables.erase(executable) == 0)
      return refuse(cudaErrorInvalidValue, "an executable graph is destroyed twice");
    delete executable;
    return cudaSuccess;
  });
}
