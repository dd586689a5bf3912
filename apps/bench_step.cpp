// `skein bench step`: what a step of training costs, without data loading and evaluation.
#include <fmt/format.h>
#include <omp.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "apps/bench.h"
#include "cases/op_case.h"
#include "engine/ops.h"
#include "engine/optimizer.h"
#include "models/model.h"

namespace skein {
namespace {

double peak_rss_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return double(usage.ru_maxrss) / 1024.0;
}

}  // namespace

void bench_step(const StepBench& o) {
  if (o.threads > 0) omp_set_num_threads(int(o.threads));
  cpu::force_conv_implementation(o.conv);
  const Queue queue;
  ParameterStore parameters;
  const auto model = make_model(o.model, {o.classes, o.channels, 'B'}, parameters);
  parameters.build(queue.device, 1);
  Arena arena(queue.device);
  Tape tape(queue, arena);
  tape.recompute = o.recompute;
  Sgd sgd(parameters, {}, queue);
  sgd.set_rate(0.01f);
  const Tensor images = random_tensor(queue, {o.batch, o.size, o.size, o.channels}, 1);
  const Tensor labels = random_labels(queue, o.batch, o.classes, 2);

  std::vector<double> seconds;
  int64_t allocations = 0;
  for (int64_t step = -o.warmup; step < o.steps; ++step) {
    if (step == 0) allocations = cpu::allocations();
    const auto start = std::chrono::steady_clock::now();
    tape.reset();
    tape.backward(cross_entropy(model->forward(tape.input(images)), labels).mean);
    sgd.step();
    if (step >= 0) seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  allocations = cpu::allocations() - allocations;
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  if (o.json) {
    fmt::print("{}\n", nlohmann::json{{"model", o.model},
                                      {"batch", o.batch},
                                      {"step_ms", median * 1e3},
                                      {"img_per_s", double(o.batch) / median},
                                      {"peak_rss_mb", peak_rss_mb()},
                                      {"step_mb", double(arena.peak()) / 0x1p20},
                                      {"allocations", allocations},
                                      {"threads", omp_get_max_threads()}}
                           .dump());
    return;
  }
  fmt::print(
      "{} batch {}: {:.1f} ms a step (fastest {:.1f}), {:.0f} img/s, {:.0f} MB ({:.0f} MB of them a step's "
      "activations and gradients), {} tensor allocations in {} steps\n",
      o.model, o.batch, median * 1e3, seconds.front() * 1e3, double(o.batch) / median, peak_rss_mb(),
      double(arena.peak()) / 0x1p20, allocations, o.steps);
}

}  // namespace skein
