// skein bench step on a GPU: a step replayed as one CUDA graph, as in training, and launched kernel by kernel.
#include <fmt/format.h>

#include <algorithm>

#include "apps/bench/noise_step.h"
#include "base/stopwatch.h"
#include "engine/step_graph.h"
#include "kernels/device/device_info.h"
#include "kernels/device/device_timer.h"
#include "train/step_context.h"

namespace skein {
namespace {

constexpr int64_t kGraphWarmUps = 3;  // two eager steps, then the capture
constexpr int64_t kBusySteps = 10;
constexpr const char* kMeaning =
    "step: from the first launch until the device is done. launch: the host's part of it. busy: the time of the "
    "device\n"
    "for a step that was queued whole before it began, on a cold L2 cache. gap: step - busy, lost to launches";

struct Mode {
  std::vector<double> steps;  // seconds of each
  Timing step, launch;        // seconds
  double busy = 0;            // seconds, median
  bool ahead = true;          // launches were ahead of the device, so `busy` has no gaps
  int64_t allocations = 0;    // in the timed steps
  double gap() const { return step.median - busy; }
};

Mode measure_steps(const StepBench& o, Queue queue, const std::function<void()>& step) {
  Mode mode;
  std::vector<double> steps, launches;
  for (int64_t i = -std::max(o.warmup, kGraphWarmUps); i < o.steps; ++i) {
    if (i == 0) mode.allocations = cuda::allocations();
    const auto start = Clock::now();
    step();
    const double launched = seconds_since(start);
    cuda::synchronize(queue.stream);
    if (i < 0) continue;
    launches.push_back(launched);
    steps.push_back(seconds_since(start));
  }
  mode.allocations = cuda::allocations() - mode.allocations;
  mode.step = timing_of(steps);
  mode.steps = std::move(steps);
  mode.launch = timing_of(std::move(launches));
  return mode;
}

void measure_busy(const StepBench& o, Queue queue, const std::function<void()>& step, Mode& mode) {
  cuda::DeviceTimer timer(queue.stream);
  std::vector<double> busy;
  for (int64_t i = 0; i < std::min(o.steps, kBusySteps); ++i) busy.push_back(timer.seconds(step));
  mode.busy = timing_of(std::move(busy)).median;
  mode.ahead = timer.ahead();
}

BenchCase case_of(const StepBench& o, const char* name, const Mode& m) {
  return {.name = name_of(o) + "/" + name,
          .seconds = m.steps,
          .shape = shape_of(o),
          .types = to_string(o.dtype),
          .rates = {{"img_per_s", double(o.batch) / m.step.median}},
          .more = {{"launch", m.launch.median},
                   {"busy", m.busy},
                   {"gap", m.gap()},
                   {"launches_hidden", m.ahead},
                   {"allocations", m.allocations}}};
}

void print_mode(const char* name, const Mode& m, int64_t batch) {
  fmt::print("{:<14} {:>9.3f} {:>9.0f} {:>9.3f} {:>9.3f} {:>9.3f}{}\n", name, m.step.median * 1e3,
             double(batch) / m.step.median, m.launch.median * 1e3, m.busy * 1e3, m.gap() * 1e3,
             m.ahead ? "" : "  busy still waits for launches");
}

}  // namespace

BenchReport bench_step_on_gpu(const StepBench& o) {
  StepContext context(Device::cuda);
  const Queue queue = context.queue;
  NoiseStep training(o, activations(o.dtype), context.tape);
  StepGraph graph(queue);
  const std::function<void()> eager = [&] { training.run(); };
  const std::function<void()> replay = [&] {
    graph.run({training.images(), &context, o.batch}, [&] { return training.run(); });
  };
  Mode one_by_one = measure_steps(o, queue, eager), as_graph = measure_steps(o, queue, replay);
  const double memory_mb = double(cuda::memory_in_use()) * 1e-6;  // before the timer allocates
  measure_busy(o, queue, eager, one_by_one);
  measure_busy(o, queue, replay, as_graph);

  const std::string gpu = cuda::devices().at(size_t(cuda::current_device())).name;
  const BenchReport report = {.bench = "step",
                              .device = "cuda",
                              .more = {{"device_memory_mb", memory_mb}, {"peak_rss_mb", peak_rss_mb()}},
                              .cases = {case_of(o, "graph", as_graph), case_of(o, "one_by_one", one_by_one)}};
  if (o.json) return report;
  fmt::print(
      "{}, batch {} of {} x {} x {} images, {} classes, {} on {}: medians of {} steps, {:.0f} MB of device memory in "
      "use, CUDA's own included\n",
      o.model, o.batch, o.size, o.size, o.channels, o.classes, to_string(o.dtype), gpu, o.steps, memory_mb);
  fmt::print("{:<14} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "", "step ms", "img/s", "launch ms", "busy ms", "gap ms");
  print_mode("CUDA graph", as_graph, o.batch);
  print_mode("one by one", one_by_one, o.batch);
  fmt::print("{}\n", kMeaning);
  return report;
}

}  // namespace skein
