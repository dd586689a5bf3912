#include "kernels/cuda/cudnn/autotune.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "kernels/cuda/dialect/cuda_check.h"

namespace skein::cuda {
namespace {

constexpr int kRuns = 3;

class TimingEvent {
 public:
  TimingEvent() { CUDA_CHECK(cudaEventCreateWithFlags(&event_, cudaEventDefault)); }
  ~TimingEvent() { cudaEventDestroy(event_); }
  TimingEvent(const TimingEvent&) = delete;
  operator cudaEvent_t() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

float milliseconds(const ConvPlan& plan, Stream stream, const RunPlan& run) {
  const TimingEvent begin, end;
  float best = std::numeric_limits<float>::infinity();
  run(plan);
  for (int i = 0; i < kRuns; ++i) {
    CUDA_CHECK(cudaEventRecord(begin, stream));
    run(plan);
    CUDA_CHECK(cudaEventRecord(end, stream));
    CUDA_CHECK(cudaEventSynchronize(end));
    float time = 0;
    CUDA_CHECK(cudaEventElapsedTime(&time, begin, end));
    best = std::min(best, time);
  }
  return best;
}

}  // namespace

size_t fastest_plan(const std::vector<ConvPlan>& plans, Stream stream, const RunPlan& run) {
  cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  CUDA_CHECK(cudaStreamIsCapturing(stream, &capture));
  CHECK(capture == cudaStreamCaptureStatusNone, "a convolution is measured at its first call, before the capture");
  std::vector<size_t> order(plans.size());
  std::iota(order.begin(), order.end(), size_t{0});
  // Largest workspace first: the stream's workspace never shrinks, so it grows only once.
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return plans[a].workspace > plans[b].workspace; });
  size_t best = plans.size();
  float best_time = std::numeric_limits<float>::infinity();
  std::string failure;
  for (const size_t i : order) {
    try {
      const float time = milliseconds(plans[i], stream, run);
      if (time < best_time) best_time = time, best = i;
    } catch (const RunFailed& e) {
      failure = e.what();
    }
  }
  if (best == plans.size()) throw RunFailed("{}", failure);
  return best;
}

}  // namespace skein::cuda
