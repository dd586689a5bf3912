// skein bench kernels on the CPU: the timed rows of the case table under Google Benchmark, each with its rate as a
// fraction of the peak: the machine's rate of multiply-adds in the row's type for rows with FLOPs, copy bandwidth for the
// others.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "apps/bench/bench.h"
#include "base/check.h"
#include "cases/op_case.h"
#include "kernels/device/peak.h"
#include "train/machine/machine.h"

namespace skein {
namespace {

struct Peaks {
  double gflops, bf16_gflops, gbs;
};

// Tensors of one case at a time. The library calls a case for every repetition and to estimate its time; drawing large
// inputs each time would take longer than all measurements.
class Inputs {
 public:
  const BoundCase& of(const OpCase& c) {
    if (case_ == &c) return *bound_;
    bound_.reset();  // before the next one's memory is taken
    bound_.emplace(c.bind(Queue{}));
    case_ = &c;
    return *bound_;
  }

 private:
  const OpCase* case_ = nullptr;
  std::optional<BoundCase> bound_;
};

// Why a row could not be timed; null if it was. Google Benchmark has other names for it since 1.8.
template <class Run>
const std::string* error_of(const Run& r) {
  if constexpr (requires { r.error_occurred; })
    return r.error_occurred ? &r.error_message : nullptr;
  else
    return static_cast<bool>(r.skipped) ? &r.skip_message : nullptr;
}

// Prints a row per case as it is measured and keeps the numbers.
class Table : public benchmark::BenchmarkReporter {
 public:
  Table(const std::vector<OpCase>& cases, Inputs& inputs, Peaks peaks, bool quiet)
      : cases_(cases), inputs_(inputs), peaks_(peaks), quiet_(quiet) {}

  bool ReportContext(const Context&) override {
    if (!quiet_) fmt::print("{:<52} {:>10} {:>7} {:>9} {:>6}\n", "case", "median us", "spread", "rate", "peak");
    return true;
  }

  void ReportRuns(const std::vector<Run>& runs) override {
    std::vector<double> seconds;
    for (const Run& r : runs) {
      if (const std::string* error = error_of(r)) throw RunFailed("{}: {}", r.benchmark_name(), *error);
      if (r.run_type == Run::RT_Iteration) seconds.push_back(r.real_accumulated_time / double(r.iterations));
    }
    if (seconds.empty()) return;
    const OpCase& c = cases_.at(rows_.size());
    const Timing m = timing_of(seconds);
    const Cost cost = inputs_.of(c).cost();
    const bool compute = cost.flops > 0;
    const double rate = (compute ? cost.flops : cost.all_bytes()) / m.median * 1e-9;
    const double products = types_of(c) == "bf16" ? peaks_.bf16_gflops : peaks_.gflops;
    const double fraction = rate / (compute ? products : peaks_.gbs);
    const char* unit = compute ? "GFLOP/s" : "GB/s";
    rows_.push_back({.name = c.name,
                     .seconds = std::move(seconds),
                     .shape = shape_of(c),
                     .types = types_of(c),
                     .rates = {{compute ? "gflop_per_s" : "gb_per_s", rate}},
                     .more = {{"of_peak", fraction}, {"bytes", cost.all_bytes()}, {"flops", cost.flops}}});
    if (!quiet_)
      fmt::print("{:<52} {:>10.1f} {:>6.0f}% {:>9.1f} {:>5.0f}% {}\n", c.name, m.median * 1e6, 100 * m.spread, rate,
                 100 * fraction, unit);
    std::fflush(stdout);
  }

  const std::vector<BenchCase>& rows() const { return rows_; }

 private:
  const std::vector<OpCase>& cases_;
  Inputs& inputs_;
  Peaks peaks_;
  bool quiet_;
  std::vector<BenchCase> rows_;
};

void run_case(benchmark::State& state, const BoundCase& bound) {
  bound.run();
  for (auto _ : state) bound.run();
}

}  // namespace

std::string shape_of(const OpCase& c) {
  const size_t begin = std::min(c.name.find('/'), c.name.size() - 1) + 1, bf16 = c.name.rfind("/bf16");
  return c.name.substr(begin, bf16 == std::string::npos ? bf16 : bf16 - begin);
}

std::string types_of(const OpCase& c) { return c.name.ends_with("/bf16") ? "bf16" : "f32"; }

BenchReport bench_kernels(const KernelBench& options) {
  check_device(options.device, ComputeType::f32);
  const bool on_gpu = options.device == DeviceChoice::cuda;
  use_conv(device_of(options.device), options.conv, options.dtype == "f32" ? ComputeType::f32 : ComputeType::bf16);
  std::vector<OpCase> cases = op_cases(on_gpu ? Device::cuda : Device::cpu);
  std::erase_if(cases, [&](const OpCase& c) {
    const bool other_type = !options.dtype.empty() && types_of(c) != options.dtype;
    return (!c.timed && !options.all) || other_type || c.name.find(options.filter) == std::string::npos;
  });
  if (cases.empty()) throw BadInput("--filter {}: no timed case has this in its name", options.filter);
  if (on_gpu) return bench_kernels_on_gpu(options, cases);
  const Peaks peaks{cpu::measure_fma_gflops(), cpu::measure_bf16_gflops(), cpu::measure_copy_gbs()};
  if (!options.json)
    fmt::print(
        "FMA peak {:.0f} GFLOP/s, of bf16 {:.0f}, copy {:.1f} GB/s; data that fit the caches may exceed the copy "
        "rate\n\n",
        peaks.gflops, peaks.bf16_gflops, peaks.gbs);
  Inputs inputs;
  for (const OpCase& c : cases)
    benchmark::RegisterBenchmark(c.name.c_str(), [&](benchmark::State& state) { run_case(state, inputs.of(c)); })
        ->UseRealTime()
        ->MinTime(0.03)
        ->Repetitions(int(options.repetitions));
  Table table(cases, inputs, peaks, options.json);
  benchmark::RunSpecifiedBenchmarks(&table);
  return {
      .bench = "kernels",
      .peaks = {{"gflop_per_s", peaks.gflops}, {"bf16_gflop_per_s", peaks.bf16_gflops}, {"copy_gb_per_s", peaks.gbs}},
      .cases = table.rows()};
}

}  // namespace skein
