// `skein bench comm`: the mean over thread workers against the machine's copy bandwidth; with --mpi, under mpirun, the
// sum in rank order against MPI_Allreduce. The two are measured in turns, so that other programs slow both.
#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <functional>
#include <thread>

#include "apps/bench/bench.h"
#include "base/check.h"
#include "base/json.h"
#include "base/stopwatch.h"
#include "comm/launcher.h"
#include "comm/mpi_baseline.h"
#include "comm/worker_communicators.h"
#include "engine/tensor.h"
#include "kernels/peak.h"
#include "kernels/vector.h"

namespace skein {
namespace {

// Seconds of the slowest rank, equal on all.
double timed(Communicator& c, const std::function<void()>& body) {
  c.barrier();
  const auto start = Clock::now();
  body();
  double seconds = seconds_since(start);
  std::vector<double> all(size_t(c.size()));
  auto bytes = [](double* x, size_t n) { return View{x, DType::u8, {1, 1, 1, int64_t(n * sizeof(double))}}; };
  c.all_gather(bytes(&seconds, 1), bytes(all.data(), all.size()));
  return *std::max_element(all.begin(), all.end());
}

void check_value(const Tensor& x, float expected) {
  for (const int64_t i : {int64_t{0}, x.numel() / 2, x.numel() - 1})
    CHECK(x.host()[i] == expected, "element {} is {}, not {}", i, x.host()[i], expected);
}

struct Comparison {
  std::vector<double> seconds, baseline;  // of the same turns
  double ratio() const {
    std::vector<double> ratios;
    for (size_t i = 0; i < seconds.size(); ++i) ratios.push_back(baseline[i] / seconds[i]);
    return timing_of(ratios).median;
  }
};

// Seconds that copying `bytes` (read plus written) takes while the other workers sleep. Taken with one thread per core
// and with one per worker, the faster counts: beside other programs more threads get more of the machine.
double copy_seconds(double bytes, int cores, int workers) {
  double gbs = 0;
  for (const int threads : {cores, workers}) {
    omp_set_num_threads(threads);
    gbs = std::max(gbs, cpu::measure_copy_gbs());
  }
  omp_set_num_threads(1);
  return bytes / (gbs * 1e9);
}

// Each turn counts the fastest of five means; measure_copy_gbs() counts the fastest copy.
Comparison average_on_threads(const CommBench& o, double bytes) {
  Comparison measured;
  const int cores = omp_get_max_threads(), workers = int(o.workers);
  ProcessGroup alone;
  WorkerCommunicators communicators(alone, workers);
  auto worker = [&](int rank) {
    omp_set_num_threads(1);
    const auto c = communicators.join(rank, {});
    const Tensor x = Tensor::empty(Device::cpu, DType::f32, {o.elements});
    for (int64_t turn = 0; turn < o.turns; ++turn) {
      cpu::fill(nullptr, float(rank), x);
      if (rank == 0) measured.baseline.push_back(copy_seconds(bytes, cores, workers));
      double fastest = 1e30;
      for (int i = 0; i < 5; ++i)
        fastest = std::min(fastest, timed(*c, [&] { c->all_reduce(x, 1.0f / float(workers)); }));
      check_value(x, float(workers - 1) / 2);
      if (rank == 0) measured.seconds.push_back(fastest);
    }
  };
  std::vector<std::thread> threads;
  for (int rank = 0; rank < workers; ++rank) threads.emplace_back(worker, rank);
  for (std::thread& t : threads) t.join();
  return measured;
}

Comparison sum_over_mpi(const CommBench& o, Communicator& world) {
  Comparison measured;
  const Tensor x = Tensor::empty(Device::cpu, DType::f32, {o.elements});
  auto measure = [&](std::vector<double>& seconds, const std::function<void()>& body) {
    cpu::fill(nullptr, 1.0f, x);
    seconds.push_back(timed(world, body));
    check_value(x, float(world.size()));
  };
  for (int64_t turn = 0; turn < o.turns; ++turn) {
    measure(measured.seconds, [&] { world.all_reduce(x); });
    measure(measured.baseline, [&] { mpi_all_reduce(world, x); });
  }
  return measured;
}

void bench_threads(CommBench o) {
  if (o.elements == 0) o.elements = 25'557'032;  // ResNet-50
  const double bytes = 8.0 * double(o.workers) * double(o.elements);
  const Comparison m = average_on_threads(o, bytes);
  const double seconds = timing_of(m.seconds).median, gbs = bytes / seconds * 1e-9;
  if (o.json)
    fmt::print("{}\n", Json{{"workers", o.workers},
                            {"elements", o.elements},
                            {"average_ms", seconds * 1e3},
                            {"gb_per_s", gbs},
                            {"fraction_of_copy", m.ratio()}}
                           .dump());
  else
    fmt::print("mean of {} thread workers, {} parameters: {:.1f} ms, {:.1f} GB/s, {:.0f} % of the copy bandwidth\n",
               o.workers, o.elements, seconds * 1e3, gbs, 100 * m.ratio());
}

void bench_mpi(CommBench o) {
  const int processes = rank_from_environment().size;
  if (processes < 2) throw BadInput("start it on several ranks: mpirun -np 4 skein bench comm --mpi");
  if (o.elements == 0) o.elements = 25'000'000;
  const auto world = join_mpi_job(processes);
  const Comparison m = sum_over_mpi(o, *world);
  if (world->rank() != 0) return;
  const double seconds = timing_of(m.seconds).median, baseline = timing_of(m.baseline).median;
  if (o.json)
    fmt::print("{}\n", Json{{"ranks", world->size()},
                            {"bytes", o.elements * 4},
                            {"sum_ms", seconds * 1e3},
                            {"mpi_allreduce_ms", baseline * 1e3},
                            {"speedup", m.ratio()}}
                           .dump());
  else
    fmt::print(
        "sum in rank order of {:.0f} MB over {} MPI ranks: {:.1f} ms; MPI_Allreduce {:.1f} ms, {:.2f} times ours\n",
        double(o.elements) * 4e-6, world->size(), seconds * 1e3, baseline * 1e3, m.ratio());
}

}  // namespace

void bench_comm(const CommBench& o) {
  if (o.mpi)
    bench_mpi(o);
  else
    bench_threads(o);
}

}  // namespace skein
