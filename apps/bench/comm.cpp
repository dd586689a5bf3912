// skein bench comm: the collectives of a transport at several sizes, with the bandwidths that nccl-tests define
// (doc/PERFORMANCE.md there). Where the transport's library has an all-reduce of its own, the two are measured in
// turns, so that other programs slow both.
//
//   size    all_reduce: of the buffer; all_gather: of what is gathered; all_to_all: of what a rank sends
//   algbw   size / time
//   busbw   algbw * 2 (n - 1) / n for all_reduce, algbw * (n - 1) / n for the others, n ranks
#include <fmt/format.h>
#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "apps/bench/bench.h"
#include "apps/bench/comm_sizes.h"
#include "base/check.h"
#include "base/stopwatch.h"
#include "comm/launcher.h"
#include "engine/tensor.h"
#include "kernels/device/peak.h"
#include "kernels/device/runtime.h"
#include "train/machine/machine.h"
#include "train/step_context.h"

namespace skein {
namespace {

constexpr double kShortest = 2e-3;  // seconds that a measurement lasts; short calls are repeated within it
constexpr int64_t kMostCalls = 1000;

enum class Collective : uint8_t { all_reduce, all_gather, all_to_all };
constexpr auto names_of(Collective) { return std::array{"all_reduce", "all_gather", "all_to_all"}; }

View bytes_of(double* x, size_t n) { return {x, DType::u8, {1, 1, 1, int64_t(n * sizeof(double))}}; }

// Seconds of the slowest rank, equal on all.
double timed(Communicator& c, const std::function<void()>& body) {
  c.barrier();
  const auto start = Clock::now();
  body();
  double seconds = seconds_since(start);
  std::vector<double> all(size_t(c.size()));
  c.all_gather(bytes_of(&seconds, 1), bytes_of(all.data(), all.size()));
  return *std::max_element(all.begin(), all.end());
}

// Value that rank r passes for element i, and for rank s in all_to_all. Sums of up to a thousand ranks are exact.
float pattern(int64_t rank, int64_t to, int64_t i) { return float(1 + rank + 16 * to + i % 7); }

// One collective of one size on one rank.
class Call {
 public:
  Call(Communicator& c, Collective what, int64_t bytes, Queue queue)
      : c_(c), what_(what), queue_(queue), n_(elements(bytes, c.size())) {
    const Shape all = {n_}, part = {n_ / c.size()};
    sent_ = Tensor::empty(queue.device, DType::f32, what == Collective::all_gather ? part : all);
    if (what != Collective::all_reduce) received_ = Tensor::empty(queue.device, DType::f32, all);
    queue_.run(kernel::zero, sent_);
  }

  int64_t bytes() const { return n_ * int64_t(sizeof(float)); }

  void run() {
    if (what_ == Collective::all_reduce) c_.all_reduce(sent_, 1.0f / float(c_.size()));
    if (what_ == Collective::all_gather) c_.all_gather(sent_, received_);
    if (what_ == Collective::all_to_all) c_.all_to_all(sent_, received_);
  }
  const char* run_library() { return what_ == Collective::all_reduce ? c_.library_all_reduce(sent_) : nullptr; }

  // Checks every element of one call. RunFailed names the first that is wrong.
  void check() {
    fill();
    run();
    const double mean = double(c_.size() + 1) / 2;
    expect(what_ == Collective::all_reduce ? sent_ : received_, to_string(what_), [&](int64_t i) {
      const int64_t part = n_ / c_.size();
      if (what_ == Collective::all_reduce) return mean + double(i % 7);
      return double(pattern(i / part, what_ == Collective::all_to_all ? c_.rank() : 0, i % part));
    });
    fill();
    const char* library = run_library();
    if (!library) return;
    expect(sent_, library, [&](int64_t i) { return double(c_.size()) * (mean + double(i % 7)); });
    queue_.run(kernel::zero, sent_);  // sums of sums would leave the range of f32
  }

 private:
  static int64_t elements(int64_t bytes, int ranks) {
    return std::max<int64_t>(bytes / int64_t(sizeof(float)) / ranks, 1) * ranks;
  }
  void fill() {
    std::vector<float> values(size_t(sent_.numel()));
    const int64_t part = what_ == Collective::all_to_all ? n_ / c_.size() : n_;
    for (int64_t i = 0; i < sent_.numel(); ++i) values[size_t(i)] = pattern(c_.rank(), i / part, i % part);
    queue_.run(kernel::copy_from_host, values.data(), sent_);
  }
  template <class Expected>
  void expect(const Tensor& actual, const std::string& name, Expected expected) {
    std::vector<float> values(size_t(actual.numel()));
    queue_.run(kernel::copy_to_host, actual, values.data());
    for (int64_t i = 0; i < actual.numel(); ++i)
      if (const double right = expected(i); !(std::abs(double(values[size_t(i)]) - right) <= 1e-6 * right))
        throw RunFailed("rank {}: {} of {} bytes: element {} is {}, not {}. The transport is broken", c_.rank(), name,
                        bytes(), i, values[size_t(i)], right);
  }

  Communicator& c_;
  const Collective what_;
  const Queue queue_;
  const int64_t n_;
  Tensor sent_, received_;
};

struct Measured {
  Collective what;
  int64_t bytes;
  int ranks;
  std::vector<double> seconds, library_seconds;
  const char* library = nullptr;
  double factor() const { return (what == Collective::all_reduce ? 2.0 : 1.0) * double(ranks - 1) / double(ranks); }
};

Measured measure(Communicator& c, Call& call, Collective what, int64_t repetitions) {
  call.check();
  Measured m{what, call.bytes(), c.size(), {}, {}, call.run_library()};
  const double once = timed(c, [&] { call.run(); });
  const int64_t calls = std::clamp<int64_t>(int64_t(kShortest / once), 1, kMostCalls);
  const auto each = [&](const std::function<void()>& body) {
    return timed(c,
                 [&] {
                   for (int64_t i = 0; i < calls; ++i) body();
                 }) /
           double(calls);
  };
  for (int64_t i = 0; i < repetitions; ++i) {
    m.seconds.push_back(each([&] { call.run(); }));
    if (m.library) m.library_seconds.push_back(each([&] { call.run_library(); }));
  }
  return m;
}

BenchCase case_of(const Measured& m, const std::string& name, const std::vector<double>& seconds,
                  const std::string& transport) {
  const double algbw = double(m.bytes) / timing_of(seconds).median * 1e-9;
  return {.name = fmt::format("{}/{}/{}", transport, name, m.bytes),
          .seconds = seconds,
          .shape = std::to_string(m.bytes / int64_t(sizeof(float))),
          .types = "f32",
          .rates = {{"algbw_gb_per_s", algbw}, {"busbw_gb_per_s", algbw * m.factor()}},
          .more = {{"bytes", m.bytes}, {"ranks", m.ranks}, {"checked", true}}};
}

void print_header(const std::string& transport, int ranks, double copy_gbs) {
  fmt::print("{} ranks over {}{}; every result is checked\n", ranks, transport,
             copy_gbs > 0 ? fmt::format("; this machine copies {:.1f} GB/s, read and written", copy_gbs) : "");
  fmt::print("{:<12}{:>10}{:>12}{:>9}{:>12}{:>12}   {}\n", "", "size", "time us", "spread", "algbw GB/s", "busbw GB/s",
             "the library's own");
}

void print_row(const Measured& m) {
  const Timing t = timing_of(m.seconds);
  const double algbw = double(m.bytes) / t.median * 1e-9;
  std::string library;
  if (m.library) {
    const double other = timing_of(m.library_seconds).median;
    library = fmt::format("{} {:.1f} us, {:.2f} x", m.library, other * 1e6, other / t.median);
  }
  fmt::print("{:<12}{:>10}{:>12.1f}{:>8.0f}%{:>12.3f}{:>12.3f}   {}\n", to_string(m.what), format_size(m.bytes),
             t.median * 1e6, 100 * t.spread, algbw, algbw * m.factor(), library);
  std::fflush(stdout);
}

std::vector<Collective> collectives_of(const std::string& name) {
  if (name.empty()) return {Collective::all_reduce, Collective::all_gather, Collective::all_to_all};
  const auto found = value_named<Collective>(name);
  if (!found) throw BadInput("--collective {}: is not known. Give all_reduce, all_gather or all_to_all", name);
  return {*found};
}

// The largest buffers: what is sent, what is received, the values to check, and a transport's own copy of its share.
void check_memory(const std::vector<int64_t>& sizes, int64_t ranks) {
  const double needed = 4.0 * double(*std::max_element(sizes.begin(), sizes.end())) * double(ranks);
  const double there = double(sysconf(_SC_AVPHYS_PAGES)) * double(sysconf(_SC_PAGESIZE));
  if (needed > there)
    throw BadInput("--sizes: the largest needs about {:.1f} GB for {} ranks, and {:.1f} GB are free. Give smaller ones",
                   needed * 1e-9, ranks, there * 1e-9);
}

}  // namespace

std::vector<BenchCase> bench_collectives(Communicator& c, const CommBench& o, const std::string& transport,
                                         Queue queue) {
  std::vector<BenchCase> cases;
  const bool prints = c.rank() == 0 && !o.json;
  for (const Collective what : collectives_of(o.collective))
    for (const int64_t size : parse_sizes(o.sizes)) {
      Call call(c, what, size, queue);
      const Measured m = measure(c, call, what, o.repetitions);
      if (prints) print_row(m);
      cases.push_back(case_of(m, to_string(what), m.seconds, transport));
      if (m.library) cases.push_back(case_of(m, m.library, m.library_seconds, transport));
    }
  return cases;
}

BenchReport bench_comm(const CommBench& o) {
  collectives_of(o.collective);  // an unknown one is refused before anything starts
  const Transport transport = resolve(o.transport);
  const RankInfo own = rank_from_environment();
  const int ranks = own.size > 1 ? own.size : int(o.workers);
  check_memory(parse_sizes(o.sizes), own.size > 1 ? 1 : ranks);
  const bool on_gpu = transport == Transport::nccl;
  if (on_gpu) {
    check_device(DeviceChoice::cuda, ComputeType::f32);
    use_gpu(own.local_rank % int(cuda::devices().size()));
  }
  std::optional<StepContext> context;
  if (on_gpu) context.emplace(Device::cuda);
  const Queue queue = on_gpu ? context->queue : Queue{};
  const double copy_gbs = transport == Transport::threads ? cpu::measure_copy_gbs() : 0;
  BenchReport report{.bench = "comm", .device = on_gpu ? "cuda" : "cpu"};
  if (copy_gbs > 0) report.peaks["copy_gb_per_s"] = copy_gbs;
  const std::string name = to_string(transport);
  const TlsFiles tls = parse_tls(o.tls);
  on_ranks(transport, ranks, queue, tls, [&](Communicator& c) {
    omp_set_num_threads(1);
    if (c.rank() == 0 && !o.json) print_header(!tls.given() ? name : name + " with TLS", c.size(), copy_gbs);
    std::vector<BenchCase> cases = bench_collectives(c, o, name, queue);
    if (c.rank() == 0) report.cases = std::move(cases);
  });
  report.more = {{"ranks", ranks}};
  return report;
}

}  // namespace skein
