// skein bench step --profile: where the time of a training step goes, by op and by layer. Steps with and without times
// of their kernels take turns. The rows are means over the half of the timed steps that is nearest to the median, so
// they and the time outside kernels add up to the mean of these steps.
#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "apps/bench/noise_step.h"
#include "apps/table.h"
#include "base/formats/json.h"
#include "base/trace.h"
#include "kernels/conv.h"
#include "kernels/device/device_timer.h"
#include "kernels/device/emulated.h"
#include "kernels/device/peak.h"
#include "train/machine/machine.h"
#include "train/step_context.h"

namespace skein {
namespace {

constexpr size_t kRowsOnTheTerminal = 24;

struct Peaks {
  double flops = 0, bytes = 0;  // per second
};

struct Row {
  std::string name;
  int64_t calls = 0;
  double seconds = 0, forward = 0, backward = 0;
  double bound = 0;  // seconds at the peaks: of each call the longer of its flops' and its bytes'
  Cost cost;
};

// Seconds of the work of one step; on a GPU by its own clock, when all is queued before it begins.
class StepTimer {
 public:
  explicit StepTimer(Queue queue) {
    if (queue.device == Device::cuda) gpu_.emplace(queue.stream);
  }
  double seconds(const std::function<void()>& step) {
    if (gpu_) return gpu_->seconds(step);
    const auto start = Clock::now();
    step();
    return seconds_since(start);
  }
  bool ahead() const { return !gpu_ || gpu_->ahead(); }

 private:
  std::optional<cuda::DeviceTimer> gpu_;
};

struct Profile {
  std::vector<KernelSpan> spans;  // of one step; begin is 0, end the mean duration
  std::vector<double> plain;      // seconds of each step without times of its kernels
  double step = 0;                // mean of the profiled steps that are counted
  bool ahead = true;              // GPU: the host was ahead of the device
  double outside() const {
    return std::accumulate(spans.begin(), spans.end(), step, [](double s, const KernelSpan& k) { return s - k.end; });
  }
};

struct TimedStep {
  double seconds;
  std::vector<KernelSpan> spans;
};

Profile mean_of(std::vector<TimedStep> steps) {
  std::sort(steps.begin(), steps.end(), [](const TimedStep& a, const TimedStep& b) { return a.seconds < b.seconds; });
  const size_t first = steps.size() / 4, count = std::max<size_t>(1, steps.size() / 2);
  Profile p;
  p.spans = steps[first].spans;
  for (KernelSpan& k : p.spans) k.begin = k.end = 0;
  for (size_t s = first; s < first + count; ++s) {
    CHECK(steps[s].spans.size() == p.spans.size(), "two steps with different kernels");
    p.step += steps[s].seconds / double(count);
    for (size_t i = 0; i < p.spans.size(); ++i)
      p.spans[i].end += (steps[s].spans[i].end - steps[s].spans[i].begin) / double(count);
  }
  return p;
}

Profile measure(const StepBench& o, StepContext& context, NoiseStep& training) {
  KernelSpans& spans = *context.kernels;
  StepTimer timer(context.queue);
  const auto plain = [&] {
    spans.stop();
    training.run();
  };
  const auto timed = [&] {
    spans.restart();
    training.run();
  };
  for (int64_t i = 0; i < std::max<int64_t>(o.warmup, 2); ++i)
    plain();  // on a GPU, libraries choose plans in the first
  std::vector<double> without;
  std::vector<TimedStep> steps;
  for (int64_t i = 0; i < o.steps; ++i) {
    without.push_back(timer.seconds(plain));
    const double seconds = timer.seconds(timed);
    steps.push_back({seconds, spans.collect()});
  }
  Profile p = mean_of(std::move(steps));
  p.plain = std::move(without);
  p.ahead = timer.ahead();
  return p;
}

// A GPU's rate of products is that of a 1x1 convolution, a matrix product, in the same type as the step.
Peaks measure_peaks(StepContext& context, DType dtype) {
  const Queue queue = context.queue;
  if (queue.device == Device::cpu)
    return {(dtype == DType::bf16 ? cpu::measure_bf16_gflops() : cpu::measure_fma_gflops()) * 1e9,
            cpu::measure_copy_gbs() * 1e9};
  const int64_t side = cuda::emulated() ? 2 : 16, channels = cuda::emulated() ? 16 : 4096;
  const Tensor x = random_tensor(queue, {side, side, side, channels}, 1, 0, 1, dtype);
  const Tensor w = random_tensor(queue, {channels, 1, 1, channels}, 2, 0, 1, dtype);
  const Tensor y = Tensor::empty(queue.device, dtype, x.shape());
  const ConvGeometry geometry{1, 0};
  const auto product = [&] { queue.run(kernel::conv_forward, x, w, geometry, y); };
  for (int i = 0; i < 2; ++i) product();
  StepTimer timer(queue);
  double fastest = timer.seconds(product);
  for (int i = 0; i < 5; ++i) fastest = std::min(fastest, timer.seconds(product));
  return {kernel::conv_forward.cost(x, w, geometry, y).flops / fastest, cuda::measure_copy_gbs(queue.stream) * 1e9};
}

void add(Row& row, const KernelSpan& k, const Peaks& peaks) {
  row.calls += 1;
  row.seconds += k.end;
  (k.pass == Pass::forward ? row.forward : row.backward) += k.end;
  row.bound += std::max(k.cost.flops / peaks.flops, k.cost.all_bytes() / peaks.bytes);
  row.cost += k.cost;
}

template <class Name>
std::vector<Row> rows_by(const Profile& p, const Peaks& peaks, const Name& name) {
  std::map<std::string, Row> rows;
  for (const KernelSpan& k : p.spans) {
    Row& row = rows[name(k)];
    row.name = name(k);
    add(row, k, peaks);
  }
  std::vector<Row> sorted;
  for (auto& [key, row] : rows) sorted.push_back(std::move(row));
  std::stable_sort(sorted.begin(), sorted.end(), [](const Row& a, const Row& b) { return a.seconds > b.seconds; });
  return sorted;
}

std::vector<Row> rows_by_op(const Profile& p, const Peaks& peaks) {
  return rows_by(p, peaks, [](const KernelSpan& k) { return std::string(k.kernel); });
}
std::vector<Row> rows_by_layer(const Profile& p, const Peaks& peaks) {
  return rows_by(p, peaks, [](const KernelSpan& k) { return std::string(k.layer); });
}

std::vector<std::string> cells(const Row& r, double step) {
  const auto rate = [&](double work, const char* format) {
    return work > 0 && r.seconds > 0 ? fmt::format(fmt::runtime(format), work / r.seconds) : std::string();
  };
  const auto ms = [](double s) { return s > 0 ? fmt::format("{:.3f}", s * 1e3) : std::string(); };
  return {r.name,
          fmt::format("{}", r.calls),
          ms(r.forward),
          ms(r.backward),
          fmt::format("{:.3f}", r.seconds * 1e3),
          fmt::format("{:.1f} %", 100 * r.seconds / step),
          fmt::format("{:.1f}", r.cost.all_bytes() * 1e-6),
          r.cost.flops > 0 ? fmt::format("{:.2f}", r.cost.flops * 1e-9) : "",
          rate(r.cost.all_bytes() * 1e-9, "{:.1f}"),
          rate(r.cost.flops * 1e-12, "{:.3f}"),
          rate(100 * r.bound, "{:.0f} %")};
}

void print_rows(const char* title, const std::vector<Row>& rows, const Profile& p) {
  std::vector<std::vector<std::string>> table = {
      {title, "calls", "forward", "backward", "ms", "share", "MB", "GFLOP", "GB/s", "TFLOP/s", "of peak"}};
  Row rest;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i < kRowsOnTheTerminal) {
      table.push_back(cells(rows[i], p.step));
      continue;
    }
    rest.calls += rows[i].calls;
    rest.seconds += rows[i].seconds, rest.forward += rows[i].forward, rest.backward += rows[i].backward;
    rest.bound += rows[i].bound;
    rest.cost += rows[i].cost;
  }
  if (rest.calls > 0) {
    rest.name = fmt::format("{} others (all of them: --json)", rows.size() - kRowsOnTheTerminal);
    table.push_back(cells(rest, p.step));
  }
  const auto whole = [&](const char* name, double seconds) {
    table.push_back({name, "", "", "", fmt::format("{:.3f}", seconds * 1e3),
                     fmt::format("{:.1f} %", 100 * seconds / p.step), "", "", "", "", ""});
  };
  whole("outside kernels", p.outside());
  whole("step", p.step);
  std::vector<Align> columns(table[0].size(), Align::right);
  columns[0] = Align::left;
  fmt::print("\n{}", format_table(columns, table));
}

Json to_json(const char* key, const std::vector<Row>& rows, double step) {
  Json all = Json::array();
  for (const Row& r : rows)
    all.push_back({{key, r.name},
                   {"calls", r.calls},
                   {"ms", r.seconds * 1e3},
                   {"forward_ms", r.forward * 1e3},
                   {"backward_ms", r.backward * 1e3},
                   {"share", r.seconds / step},
                   {"bytes", r.cost.all_bytes()},
                   {"flops", r.cost.flops},
                   {"gb_per_s", r.cost.all_bytes() / r.seconds * 1e-9},
                   {"tflop_per_s", r.cost.flops / r.seconds * 1e-12},
                   {"of_peak", r.bound / r.seconds}});
  return all;
}

BenchReport report_of(const StepBench& o, const Profile& p, const Peaks& peaks) {
  return {.bench = "step",
          .device = to_string(o.device),
          .peaks = {{"gflop_per_s", peaks.flops * 1e-9}, {"copy_gb_per_s", peaks.bytes * 1e-9}},
          .more = {{"profiled_ms", p.step * 1e3},
                   {"outside_ms", p.outside() * 1e3},
                   {"launches_hidden", p.ahead},
                   {"ops", to_json("op", rows_by_op(p, peaks), p.step)},
                   {"layers", to_json("layer", rows_by_layer(p, peaks), p.step)}},
          .cases = {{.name = name_of(o),
                     .seconds = p.plain,
                     .shape = shape_of(o),
                     .types = to_string(o.dtype),
                     .rates = {{"img_per_s", double(o.batch) / timing_of(p.plain).median}}}}};
}

}  // namespace

BenchReport bench_step_profile(const StepBench& o) {
  if (o.threads > 0) omp_set_num_threads(int(o.threads));
  trace::prepare(false);
  LayerNames names;
  StepContext context(device_of(o.device), o.recompute, &names);
  const DType dtype = activations(o.dtype);
  NoiseStep training(o, dtype, context.tape);
  names.add(training.parameters());
  const Peaks peaks = measure_peaks(context, dtype);
  const Profile p = measure(o, context, training);
  if (o.json) return report_of(o, p, peaks);
  fmt::print(
      "{}, batch {} of {} x {} x {} images, {} classes, {} on {}: {:.2f} ms a step, {:.2f} ms with the times of its "
      "kernels\npeaks, measured: {:.0f} GFLOP/s, {:.1f} GB/s copied; of peak: the time that the flops or, if longer, "
      "the bytes take at these rates.\nData that fit the caches may exceed the copy rate.{}\n",
      o.model, o.batch, o.size, o.size, o.channels, o.classes, to_string(o.dtype), to_string(o.device),
      timing_of(p.plain).median * 1e3, p.step * 1e3, peaks.flops * 1e-9, peaks.bytes * 1e-9,
      p.ahead ? "" : " The device waited for launches: they are in `outside kernels`.");
  print_rows("op", rows_by_op(p, peaks), p);
  print_rows("layer", rows_by_layer(p, peaks), p);
  return report_of(o, p, peaks);
}

}  // namespace skein
