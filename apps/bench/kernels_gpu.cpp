// skein bench kernels on a GPU: every case alone on a stream, timed by the GPU with a cold L2 cache, as a fraction of
// the bandwidth of a copy within the GPU's memory.
#include <fmt/format.h>

#include "apps/bench/bench.h"
#include "base/json.h"
#include "kernels/device_timer.h"
#include "kernels/peak.h"
#include "train/step_context.h"

namespace skein {
namespace {

constexpr int kWarmUps = 2;  // convolution plans are chosen, scratch memory grows, libraries load code

struct Measured {
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
  return {timing_of(std::move(seconds)), bound.cost(), timer.ahead()};
}

Json row_of(const OpCase& c, const Measured& m, double copy_gbs) {
  const double gbs = m.cost.all_bytes() / m.time.median * 1e-9;
  Json row = {{"case", c.name},
              {"us", m.time.median * 1e6},
              {"spread", m.time.spread},
              {"gb_per_s", gbs},
              {"of_copy", gbs / copy_gbs},
              {"bytes", m.cost.all_bytes()},
              {"launches_hidden", m.ahead}};
  if (m.cost.flops > 0) row["tflop_per_s"] = m.cost.flops / m.time.median * 1e-12;
  return row;
}

void print_row(const Json& row) {
  const std::string tflops =
      row.contains("tflop_per_s") ? fmt::format("{:.2f}", row.at("tflop_per_s").get<double>()) : "";
  fmt::print("{:<56} {:>10.1f} {:>6.0f}% {:>9.1f} {:>6.0f}% {:>9}{}\n", row.at("case").get<std::string>(),
             row.at("us").get<double>(), 100 * row.at("spread").get<double>(), row.at("gb_per_s").get<double>(),
             100 * row.at("of_copy").get<double>(), tflops,
             row.at("launches_hidden").get<bool>() ? "" : "  waits for launches");
  std::fflush(stdout);
}

}  // namespace

void bench_kernels_on_gpu(const KernelBench& options, const std::vector<OpCase>& cases) {
  StepContext context(Device::cuda);
  const std::string gpu = cuda::devices().at(size_t(cuda::current_device())).name;
  const double copy_gbs = cuda::measure_copy_gbs(context.queue.stream);
  if (!options.json) {
    fmt::print("{}: copy {:.1f} GB/s (read + written); every case begins with a cold L2 cache\n\n", gpu, copy_gbs);
    fmt::print("{:<56} {:>10} {:>7} {:>9} {:>7} {:>9}\n", "case", "median us", "spread", "GB/s", "of copy", "TFLOP/s");
  }
  Json rows = Json::array();
  for (const OpCase& c : cases) {
    const Json row = row_of(c, measure(c, context.queue, options.repetitions), copy_gbs);
    if (!options.json) print_row(row);
    rows.push_back(row);
  }
  if (options.json) fmt::print("{}\n", Json{{"device", gpu}, {"copy_gbs", copy_gbs}, {"cases", rows}}.dump());
}

}  // namespace skein
