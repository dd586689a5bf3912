#include "train/worker_pool.h"

#include "base/check.h"
#include "train/machine/machine.h"
#include "train/machine/threads.h"

namespace skein {
namespace {

std::vector<std::unique_ptr<Worker>> make_workers(const ProcessGroup& group, const ModelInfo& info,
                                                  const Dataset& train, const TrainState& start,
                                                  StepContextPool& contexts) {
  const int64_t workers = info.config.workers, local = workers_of_process(info.config, group.size());
  CHECK(local * group.size() == workers, "{} workers in {} processes", workers, group.size());
  std::vector<std::unique_ptr<Worker>> all;
  for (int64_t i = 0; i < local; ++i)
    all.push_back(std::make_unique<Worker>(info, train, start, group.rank() * local + i, contexts));
  return all;
}

}  // namespace

WorkerPool::WorkerPool(ProcessGroup& group, const ModelInfo& info, const Dataset& train, const TrainState& start)
    : run_size_(info.config.workers),
      averages_(averages(info.config)),
      contexts_(parallel_workers(info.config, group.size()), device_of(info.config.device), info.config.recompute),
      workers_(make_workers(group, info, train, start, contexts_)),
      communicators_(group, int(size())),
      threads_(
          size(), threads_per_worker(info.config, group.size()),
          [this](int64_t worker, const std::string& reason) { communicators_.abort(int(worker), reason); },
          [gpu = current_gpu()] { use_gpu(gpu); }) {}

void WorkerPool::connect(const AveragingOptions& averaging) {
  threads_.run([&](int64_t i) { worker(i).connect(communicators_.join(int(i), contexts_.queue(i)), averaging); });
}

void WorkerPool::run(const std::function<void(Worker&)>& body) {
  threads_.run([&](int64_t i) { body(worker(i)); });
}

std::vector<ParameterStore*> WorkerPool::parameters() {
  std::vector<ParameterStore*> all;
  for (const auto& w : workers_) all.push_back(&w->parameters());
  return all;
}

WorkerStates WorkerPool::states() {
  WorkerStates all;
  if (!averages_) return all;
  settle();
  for (const auto& w : workers_) all[w->rank()] = w->state();
  return all;
}

}  // namespace skein
