// Memory and, on a GPU, a stream to compute one training step in at a time. The number of contexts of a process bounds
// how many of its workers compute concurrently, and with it the memory for activations. Safe to call from the threads
// of all workers. Errors: what the GPU's runtime throws.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/kernel_spans.h"

namespace skein {

struct StepContext {
  // recompute: Tape::recompute. With `layers` the kernels of the tape can be timed. On a GPU the stream is of the
  // current one, and the tape is used with that one current.
  explicit StepContext(Device device, bool recompute = false, const LayerNames* layers = nullptr);
  ~StepContext();
  StepContext(const StepContext&) = delete;
  const Queue queue;
  const int gpu;  // -1 on the CPU
  Arena arena;
  const std::unique_ptr<KernelSpans> kernels;  // null without `layers`
  Tape tape;
};

class StepContextPool {
 public:
  // On the CPU the workers share all contexts. On GPUs, by index, those of ranks [first_rank, first_rank + workers)
  // are spread evenly over them in rank order, and there are `lanes` contexts on each; on the CPU in all.
  struct Layout {
    int64_t first_rank = 0, workers = 1, lanes = 1;
    std::vector<int> gpus = {};
  };
  StepContextPool(Layout layout, Device device, bool recompute);

  // The queue of a worker's device work. On a GPU it is the stream of the context that this worker always uses, since a
  // captured step contains that context's addresses. On the CPU a worker may use any context, and all queues are equal.
  // A worker is named by its rank.
  Queue queue(int64_t worker) const { return own(worker).queue; }
  int gpu(int64_t worker) const { return own(worker).gpu; }  // -1 on the CPU
  const std::vector<int>& gpus() const { return layout_.gpus; }
  int64_t count() const { return int64_t(contexts_.size()); }
  // Waits until the device has done all work of all contexts.
  void synchronize() const;
  // Waits for a context that the worker may use, calls use(context) and frees the context again, also after a throw.
  void with(int64_t worker, const std::function<void(StepContext&)>& use);
  // For work between two steps, while no worker computes.
  StepContext& first() { return *contexts_.front(); }
  StepContext& of(int64_t worker) { return own(worker); }

  // For a timeline (base/trace.h). Before the workers' first step: names of a worker's layers. No effect unless
  // something reads spans.
  void name_layers(const ParameterStore& parameters);
  // Between two steps: times of the kernels of all contexts from here on. Waits for the device.
  void start_kernel_spans();
  // Ends that: adds them to the recording, those of a GPU on a track per stream, of rank `rank`. Returns the number of
  // kernels for which there was no room.
  int64_t record_kernel_spans(int64_t rank);

 private:
  StepContext& own(int64_t worker) const;

  const Layout layout_;
  LayerNames layers_;
  std::vector<std::unique_ptr<StepContext>> contexts_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<StepContext*> free_;  // guarded by mutex_
};

}  // namespace skein
