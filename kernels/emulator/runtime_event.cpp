// Emulated CUDA runtime: events. An event refers to a position in a stream's queue. Recording it again does not affect
// work that already waits for it.
#include "kernels/emulator/state.h"

using namespace skein::cuda::emulator;

namespace {

CUevent_st* find_event(cudaEvent_t event) {
  if (state().events.contains(event)) return event;
  refuse(cudaErrorInvalidResourceHandle, "an event that was destroyed, or never made");
  return nullptr;
}

cudaError_t wait_for_event(CUstream_st& stream, const CUevent_st& event) {
  if (!event.point) return cudaSuccess;  // never recorded
  const std::shared_ptr<Capture> capture = event.capture.lock();
  if (event.captured && !capture)
    return refuse(cudaErrorStreamCaptureIsolation, "a stream waits for an event of a capture that has ended");
  if (capture && !stream.capture) join(stream, capture);
  if (stream.capture != capture) {
    stream.capture->valid = false;
    return refuse(cudaErrorStreamCaptureIsolation,
                  "a stream that is captured waits for an event that was recorded outside of the capture");
  }
  return enqueue(stream, "cudaStreamWaitEvent", {.after = event.point});
}

// Checks that the host may query or wait for the event.
cudaError_t find_uncaptured(cudaEvent_t event) {
  if (!find_event(event)) return cudaErrorInvalidResourceHandle;
  if (!event->captured) return cudaSuccess;
  if (const auto capture = event->capture.lock()) capture->valid = false;
  return refuse(cudaErrorCapturedEvent, "the host waits for an event that was recorded in a capture");
}

}  // namespace

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return call("cudaEventCreateWithFlags", [&] {
    *event = new CUevent_st;
    (*event)->device = current_device();
    (*event)->timed = !(flags & cudaEventDisableTiming);
    state().events.insert(*event);
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return call("cudaEventDestroy", CallKind::release, [&] {
    if (!find_event(event)) return cudaErrorInvalidResourceHandle;
    state().events.erase(event);
    delete event;
    return cudaSuccess;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return call("cudaEventRecord", [&] {
    CUstream_st* const s = find_stream(stream);
    if (!s || !find_event(event)) return cudaErrorInvalidResourceHandle;
    if (event->device != s->device)
      return refuse(cudaErrorInvalidResourceHandle, "an event of device {} is recorded on a stream of device {}",
                    event->device, s->device);
    event->point = position_at_end(s->target());
    event->capture = s->capture;
    event->captured = s->capture != nullptr;
    return enqueue(*s, "cudaEventRecord", {.pass = event->point});
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  return call("cudaStreamWaitEvent", [&] {
    CUstream_st* const s = find_stream(stream);
    if (!s || !find_event(event)) return cudaErrorInvalidResourceHandle;
    return wait_for_event(*s, *event);
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return call("cudaEventQuery", [&] {
    if (const cudaError_t error = find_uncaptured(event); error != cudaSuccess) return error;
    return event->point ? query(*event->point->queue, event->point->position) : cudaSuccess;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return call("cudaEventSynchronize", [&] {
    if (const cudaError_t error = find_uncaptured(event); error != cudaSuccess) return error;
    ++state().counts.synchronizations;
    if (!event->point) return cudaSuccess;
    run_until(*event->point->queue, event->point->position);
    host_waits_for(*event->point);
    return state().sticky;
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t from, cudaEvent_t to) {
  return call("cudaEventElapsedTime", [&] {
    if (find_event(from) && find_event(to) && from->device != to->device)
      return refuse(cudaErrorInvalidResourceHandle, "the time between events of devices {} and {}", from->device,
                    to->device);
    for (cudaEvent_t event : {from, to}) {
      if (const cudaError_t error = find_uncaptured(event); error != cudaSuccess) return error;
      if (!event->timed || !event->point)
        return refuse(cudaErrorInvalidResourceHandle, "the time of an event that takes none, or was never recorded");
      if (!event->point->passed()) return cudaErrorNotReady;
    }
    *milliseconds = std::chrono::duration<float, std::milli>(to->point->time - from->point->time).count();
    return cudaSuccess;
  });
}
