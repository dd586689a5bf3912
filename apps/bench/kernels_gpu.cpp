// skein bench kernels on a GPU: every case alone on a stream, timed by the GPU with a cold L2 cache, as a fraction of
// the bandwidth of a copy within the GPU's memory.
#include <fmt/format.h>

#include "apps/bench/bench.h"
#include "kernels/device/device_timer.h"
#include "kernels/device/peak.h"
#include "train/step_context.h"

namespace skein {
namespace {

constexpr int kWarmUps = 2;  // convolution plans are chosen, scratch memory grows, libraries load code

struct Measured {
  std::vector<double> seconds;
  Timing time;
  Cost cost;
  bool ahead = true;
};

Measured measure(const OpCase& c, Queue queue, int64_t repetitions) {
  const BoundCase bound = c.bind(queue);
  for (int i = 0; i < kWarmUps; ++i) bound.run();
  cuda::synchronize(queue.stream);
  cuda::DeviceTimer timer(queue.stream);
  std::vector<double> seconds;
  for (int64_t i = 0; i < repetitions; ++i) seconds.push_back(timer.seconds([&] { bound.run(); }));
  return {seconds, timing_of(seconds), bound.cost(), timer.ahead()};
}

BenchCase case_of(const OpCase& c, const Measured& m, double copy_gbs) {
  const double gbs = m.cost.all_bytes() / m.time.median * 1e-9;
  Json rates = {{"gb_per_s", gbs}};
  if (m.cost.flops > 0) rates["gflop_per_s"] = m.cost.flops / m.time.median * 1e-9;
  return {.name = c.name,
          .seconds = m.seconds,
          .shape = shape_of(c),
          .types = types_of(c),
          .rates = rates,
          .more = {{"of_peak", gbs / copy_gbs},
                   {"bytes", m.cost.all_bytes()},
                   {"flops", m.cost.flops},
                   {"launches_hidden", m.ahead}}};
}

void print_row(const OpCase& c, const Measured& m, double copy_gbs) {
  const double gbs = m.cost.all_bytes() / m.time.median * 1e-9;
  fmt::print("{:<56} {:>10.1f} {:>6.0f}% {:>9.1f} {:>6.0f}% {:>9}{}\n", c.name, m.time.median * 1e6,
             100 * m.time.spread, gbs, 100 * gbs / copy_gbs,
             m.cost.flops > 0 ? fmt::format("{:.2f}", m.cost.flops / m.time.median * 1e-12) : "",
             m.ahead ? "" : "  waits for launches");
  std::fflush(stdout);
}

}  // namespace

BenchReport bench_kernels_on_gpu(const KernelBench& options, const std::vector<OpCase>& cases) {
  StepContext context(Device::cuda);
  const std::string gpu = cuda::devices().at(size_t(cuda::current_device())).name;
  const double copy_gbs = cuda::measure_copy_gbs(context.queue.stream);
  if (!options.json) {
    fmt::print("{}: copy {:.1f} GB/s (read + written); every case begins with a cold L2 cache\n\n", gpu, copy_gbs);
    fmt::print("{:<56} {:>10} {:>7} {:>9} {:>7} {:>9}\n", "case", "median us", "spread", "GB/s", "of copy", "TFLOP/s");
  }
  BenchReport report{.bench = "kernels", .device = "cuda", .peaks = {{"copy_gb_per_s", copy_gbs}}};
  for (const OpCase& c : cases) {
    const Measured m = measure(c, context.queue, options.repetitions);
    if (!options.json) print_row(c, m, copy_gbs);
    report.cases.push_back(case_of(c, m, copy_gbs));
  }
  return report;
}

}  // namespace skein
