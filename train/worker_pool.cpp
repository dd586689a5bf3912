#include "train/worker_pool.h"

#include "base/check.h"
#include "kernels/device/peers.h"
#include "train/machine/gpus.h"
#include "train/machine/machine.h"
#include "train/machine/threads.h"

namespace skein {
namespace {

// The first GPU of the process becomes the calling thread's.
StepContextPool::Layout layout(ProcessGroup& group, const TrainConfig& c) {
  const int64_t local = workers_of_process(c, group.size());
  StepContextPool::Layout l{group.rank() * local, local, parallel_workers(c, group.size()), gpus_of_process(group, c)};
  if (l.gpus.empty()) return l;
  use_gpu(l.gpus.front());
  l.lanes = lanes_of_gpu(c, group.size(), std::ssize(l.gpus));
  return l;
}

std::vector<std::unique_ptr<Worker>> make_workers(const ProcessGroup& group, const ModelInfo& info,
                                                  const Dataset& train, const TrainState& start,
                                                  StepContextPool& contexts) {
  const int64_t workers = info.config.workers, local = workers_of_process(info.config, group.size());
  CHECK(local * group.size() == workers, "{} workers in {} processes", workers, group.size());
  std::vector<std::unique_ptr<Worker>> all;
  std::map<int, Dataset> data;  // by GPU
  for (int64_t rank = group.rank() * local; rank < (group.rank() + 1) * local; ++rank) {
    const cuda::DeviceScope gpu(contexts.gpu(rank));
    const auto [own, is_new] = data.try_emplace(contexts.gpu(rank), train);
    if (is_new) own->second = on_current_gpu(train);
    all.push_back(std::make_unique<Worker>(info, own->second, start, rank, contexts));
  }
  return all;
}

}  // namespace

WorkerPool::WorkerPool(ProcessGroup& group, const ModelInfo& info, const Dataset& train, const TrainState& start)
    : run_size_(info.config.workers),
      averages_(averages(info.config)),
      contexts_(layout(group, info.config), device_of(info.config.device), info.config.recompute),
      workers_(make_workers(group, info, train, start, contexts_)),
      communicators_(group, int(size())),
      threads_(
          size(), threads_per_worker(info.config, group.size()),
          [this](int64_t worker, const std::string& reason) { communicators_.abort(int(worker), reason); },
          [this](int64_t i) { use_gpu(contexts_.gpu(worker(i).rank())); }) {}

// After a failure the device may still have work that reads what the workers own.
WorkerPool::~WorkerPool() {
  try {
    synchronize();
  } catch (const std::exception&) {  // the failure itself, of the device's, which its thread has reported
  }
}

void WorkerPool::connect(const AveragingOptions& averaging) {
  threads_.run(
      [&](int64_t i) { worker(i).connect(communicators_.join(int(i), contexts_.queue(worker(i).rank())), averaging); });
}

void WorkerPool::run(const std::function<void(Worker&)>& body) {
  threads_.run([&](int64_t i) { body(worker(i)); });
}

void WorkerPool::for_each(const std::function<void(Worker&)>& body) {
  for (const auto& w : workers_) {
    const cuda::DeviceScope gpu(contexts_.gpu(w->rank()));
    body(*w);
  }
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
