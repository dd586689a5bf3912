// skein bench step: time of a training step, without data loading and evaluation.
#include <fmt/format.h>
#include <omp.h>

#include "apps/bench/noise_step.h"
#include "base/stopwatch.h"
#include "models/model_traits.h"
#include "train/machine/machine.h"
#include "train/step_context.h"

namespace skein {

StepMeasurement measure_step(const StepBench& o) {
  if (o.threads > 0) omp_set_num_threads(int(o.threads));
  StepContext context(Device::cpu);
  NoiseStep training(o, activations(o.dtype), context.tape);
  std::vector<double> seconds;
  int64_t allocations = 0;
  for (int64_t step = -o.warmup; step < o.steps; ++step) {
    if (step == 0) allocations = cpu::allocations();
    const auto start = Clock::now();
    training.run();
    if (step >= 0) seconds.push_back(seconds_since(start));
  }
  allocations = cpu::allocations() - allocations;
  return {std::move(seconds), context.arena.peak(), allocations};
}

std::string name_of(const StepBench& o) { return fmt::format("{}/batch={}/size={}", o.model, o.batch, o.size); }
std::string shape_of(const StepBench& o) { return fmt::format("{}x{}x{}x{}", o.batch, o.size, o.size, o.channels); }

BenchReport bench_step(const StepBench& flags) {
  const StepBench o = with_usual_images(flags);
  check_device(o.device, o.dtype);
  use_conv(device_of(o.device), o.conv, o.dtype);
  if (o.profile) return bench_step_profile(o);
  if (o.device == DeviceChoice::cuda) return bench_step_on_gpu(o);
  const StepMeasurement step = measure_step(o);
  const Timing time = timing_of(step.seconds);
  if (!o.json)
    fmt::print(
        "{}, batch {} of {} x {} x {} images, {} classes, {}: {:.1f} ms a step (fastest {:.1f}), {:.0f} img/s, {:.0f} "
        "MB "
        "({:.0f} MB of them a step's activations and gradients), {} tensor allocations in {} steps\n",
        o.model, o.batch, o.size, o.size, o.channels, o.classes, to_string(o.dtype), time.median * 1e3,
        time.fastest * 1e3, double(o.batch) / time.median, peak_rss_mb(), double(step.bytes) / 0x1p20, step.allocations,
        o.steps);
  return {.bench = "step",
          .more = {{"peak_rss_mb", peak_rss_mb()}},
          .cases = {{.name = name_of(o),
                     .seconds = step.seconds,
                     .shape = shape_of(o),
                     .types = to_string(o.dtype),
                     .rates = {{"img_per_s", double(o.batch) / time.median}},
                     .more = {{"step_mb", double(step.bytes) / 0x1p20}, {"allocations", step.allocations}}}}};
}

}  // namespace skein
