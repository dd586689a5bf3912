// Times of the kernels that run on a tape's queue, with their layer, pass and cost: an observer
// (kernels/device/queue.h) that takes the time around each kernel. On the CPU it is the host's clock; on a GPU two
// events of the stream, read when they have passed, so no kernel waits for the host. To a profiler of NVIDIA's each
// kernel is an NVTX range.
//
// Layers: engine/layer_names.h. A kernel without parameters is named after the layer that ran before it in the forward
// pass: "bn1/max pool". A backward step has the layer of its op's forward pass (Tape::recorded).
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/stopwatch.h"
#include "engine/layer_names.h"

namespace skein {

struct KernelSpan {
  const char* kernel;      // Kernel::name
  std::string_view layer;  // lives as long as the KernelSpans
  Pass pass;
  bool training;  // false: of an evaluation
  Cost cost;
  int32_t track;              // of the thread that called it (base/trace.h)
  double begin = 0, end = 0;  // seconds since start(); on a GPU by the device's clock
};

class KernelSpans {
 public:
  explicit KernelSpans(const LayerNames& names) : names_(names) {}
  ~KernelSpans();
  KernelSpans(const KernelSpans&) = delete;

  // For the queue of the tape that follow() is given. restart() and stop() must not be called while it is in use.
  const KernelObserver* observer() const { return &observer_; }
  void follow(const Tape&);

  void restart();  // forgets all spans and takes times from now on
  void stop();     // kernels run unobserved, unless there is a tool for NVTX
  // The spans since restart(), in the order of the calls. On a GPU it waits for the stream.
  std::vector<KernelSpan> collect();
  Clock::time_point start() const { return start_; }  // on a GPU exact only if the stream had no work at restart()
  int64_t dropped() const { return dropped_; }        // kernels for which there was no room since restart()

 private:
  void observe(const KernelCall&, const std::function<void()>& run);
  std::string_view layer_of(const KernelCall&);
  void record_event(size_t index);

  const LayerNames& names_;
  const Tape* tape_ = nullptr;
  KernelObserver observer_;
  bool timed_ = false;
  std::vector<KernelSpan> spans_;
  int64_t dropped_ = 0;
  Clock::time_point start_;
  std::vector<cuda::Event> events_;  // one of start(), then two per span; kept for the next restart()
  std::set<std::string> layers_;
  std::string last_layer_;                       // of the forward pass
  std::map<size_t, std::string> layer_of_step_;  // by Tape::recorded() in the forward pass
};

}  // namespace skein
