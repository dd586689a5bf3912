// cudart: streams. They do not wait for the null stream nor it for them, as all of skein's are made non-blocking.
#include <algorithm>

#include "kernels/emulator/state.h"

namespace skein::cuda::emulator {
namespace {

// SplitMix64's finaliser: a coin for every number.
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

CUstream_st* find_stream(cudaStream_t stream) {
  State& s = state();
  if (!stream) return &s.null_stream;
  if (s.streams.contains(stream)) return stream;
  refuse(cudaErrorInvalidResourceHandle, "a stream that was destroyed, or never made");
  return nullptr;
}

cudaError_t enqueue(CUstream_st& stream, const char* name, Work work) {
  if (stream.capture && !stream.capture->valid)
    return refuse(cudaErrorStreamCaptureInvalidated, "{} on a stream whose capture has failed", name);
  Line& line = *stream.target();
  line.add(std::move(work));
  if (!stream.capture && line.early) run_until(line, line.end());
  return cudaSuccess;
}

cudaError_t wait_for(CUstream_st& stream, const char* name) {
  if (stream.capture) return invalidate(*stream.capture, name);
  ++state().counts.synchronizations;
  run_until(*stream.line, stream.line->end());
  host_waits_for(*stream.line);
  return state().sticky;
}

// One piece of work, so that a host that asks until it is done gets there.
cudaError_t query(Line& line, int64_t position) {
  if (line.done >= position) {
    host_waits_for(line);
    return cudaSuccess;
  }
  run_until(line, line.done + 1);
  return state().sticky != cudaSuccess ? state().sticky : cudaErrorNotReady;
}

}  // namespace skein::cuda::emulator

using namespace skein::cuda::emulator;

namespace {

cudaError_t wait_for_all() {
  State& s = state();
  if (!s.captures.empty()) return invalidate(**s.captures.begin(), "cudaDeviceSynchronize");
  ++s.counts.synchronizations;
  std::vector<std::shared_ptr<Line>> lines = s.orphans;
  lines.push_back(s.null_stream.line);
  for (CUstream_st* stream : s.streams) lines.push_back(stream->line);
  if (run_early(0)) std::reverse(lines.begin(), lines.end());
  for (const auto& line : lines) {
    run_until(*line, line->end());
    host_waits_for(*line);
  }
  s.orphans.clear();
  return s.sticky;
}

}  // namespace

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return call("cudaStreamCreateWithFlags", [&] {
    if (flags != cudaStreamNonBlocking)
      return refuse(cudaErrorNotSupported,
                    "only non-blocking streams are emulated: the others wait for the null stream");
    auto line = std::make_shared<Line>();
    line->early = run_early(++state().streams_made);
    *stream = new CUstream_st{std::move(line), nullptr, nullptr};
    state().streams.insert(*stream);
    return cudaSuccess;
  });
}

// Its work is still done, when somebody waits for the device or for an event in it.
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return call("cudaStreamDestroy", Kind::release, [&] {
    State& s = state();
    if (!s.streams.contains(stream)) return refuse(cudaErrorInvalidResourceHandle, "a stream is destroyed twice");
    if (stream->capture) leave(*stream->capture);
    if (!stream->line->work.empty()) s.orphans.push_back(stream->line);
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
    return s->capture ? invalidate(*s->capture, "cudaStreamQuery") : query(*s->line, s->line->end());
  });
}

cudaError_t cudaDeviceSynchronize() {
  return call("cudaDeviceSynchronize", [] { return wait_for_all(); });
}
