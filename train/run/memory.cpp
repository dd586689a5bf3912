#include "train/run/memory.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/available_memory.h"
#include "base/check.h"
#include "engine/dry_pass.h"
#include "models/model.h"
#include "train/machine/machine.h"
#include "train/machine/threads.h"
#include "train/weights/freeze.h"

namespace skein {
namespace {

double gigabytes(int64_t bytes) { return double(bytes) * 1e-9; }

// The largest number from 1 to `most` with which the processes of the machine fit into nine tenths of what is
// available, as set by `change`; 0 if none does. The rest is for what MemoryNeed leaves out.
template <class Change>
int64_t largest(const ModelInfo& info, int64_t most, int64_t all, int64_t processes, int64_t available,
                const Change& change) {
  int64_t fits = 0, fails = most + 1;
  while (fails - fits > 1) {
    const int64_t middle = fits + (fails - fits) / 2;
    ModelInfo changed = info;
    change(changed.config, middle);
    (processes * memory_need(changed, all).total() <= available / 10 * 9 ? fits : fails) = middle;
  }
  return fits;
}

}  // namespace

MemoryNeed memory_need(const ModelInfo& info, int64_t processes) {
  const TrainConfig& c = info.config;
  MemoryNeed need;
  need.workers = workers_of_process(c, processes);
  need.at_once = parallel_workers(c, processes);
  ParameterStore parameters;
  const auto model = make_model(c.model, info.model_options(), parameters);
  freeze(c.freeze, parameters);
  parameters.plan(activations(c));
  need.model = int64_t(planned_bytes(parameters));
  for (const bool has_copy : {c.optimizer == OptimizerKind::adamw, c.ema > 0, c.accumulate > 1})
    if (has_copy) need.model += int64_t(parameters.value.view().bytes());
  if (c.checkpoint_async)
    need.model += int64_t(parameters.value.view().bytes()) * (2 + (c.optimizer == OptimizerKind::adamw) + (c.ema > 0));
  const KernelObserver nothing_runs = [](const KernelCall&, const auto&) {};
  need.step = int64_t(dry_pass([&](const Var& x) { return model->forward(x); },
                               {c.batch, info.height, info.width, info.channels}, activations(c), c.recompute,
                               nothing_runs, [] {})
                          .step);
  return need;
}

std::string lack_of_memory(const ModelInfo& info, int64_t all, int64_t processes, int64_t available) {
  const MemoryNeed need = memory_need(info, all);
  if (processes * need.total() <= available) return "";
  std::vector<std::string> fitting;
  const TrainConfig& c = info.config;
  if (const int64_t batch = largest(info, c.batch - 1, all, processes, available,
                                    [](TrainConfig& changed, int64_t n) { changed.batch = n; }))
    fitting.push_back(fmt::format("--batch {}", batch));
  if (!c.recompute &&
      largest(info, 1, all, processes, available, [](TrainConfig& changed, int64_t) { changed.recompute = true; }))
    fitting.emplace_back("--recompute");
  if (const int64_t lanes = largest(info, need.at_once - 1, all, processes, available,
                                    [](TrainConfig& changed, int64_t n) { changed.parallel = n; }))
    fitting.push_back(fmt::format("--parallel {}", lanes));
  if (const int64_t workers = largest(info, need.workers - 1, all, processes, available,
                                      [&](TrainConfig& changed, int64_t n) { changed.workers = n * all; }))
    fitting.push_back(fmt::format("--workers {}", workers * all));
  return fmt::format(
      "this run needs at least {:.3g} GB of memory{}: {:.3g} GB for a model with gradient and moments, times {}, and "
      "{:.3g} GB for a step with --batch {}, times {} at once. {:.3g} GB are available on {}. {}",
      gigabytes(processes * need.total()), processes > 1 ? fmt::format(" for its {} processes here", processes) : "",
      gigabytes(need.model), processes * need.workers, gigabytes(need.step), c.batch, processes * need.at_once,
      gigabytes(available), host_name(),
      fitting.empty() ? "Take a smaller network, or a machine with more memory"
                      : fmt::format("What would fit: {}", fmt::join(fitting, ", or ")));
}

void check_memory(ProcessGroup& group, const ModelInfo& info) {
  if (device_of(info.config.device) != Device::cpu) return;
  const int64_t available = available_memory();  // before the others go on and take some
  const std::vector<std::string> hosts = group.all_gather_text(host_name());
  const int64_t here = std::count(hosts.begin(), hosts.end(), host_name());
  group.on_all_ranks([&] {
    if (const std::string lack = lack_of_memory(info, group.size(), here, available); !lack.empty())
      throw BadInput("{}", lack);
  });
}

}  // namespace skein
