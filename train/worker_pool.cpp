#include "train/worker_pool.h"

#include "base/check.h"
#include "comm/transports/nccl_communicator.h"
#include "train/machine.h"
#include "train/threads.h"

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

// The communicator of the only worker of each process. Models on GPUs travel over NCCL, models on CPUs over the group's
// own transport.
std::unique_ptr<Communicator> join_processes(ProcessGroup& group, Queue queue) {
  if (queue.device == Device::cpu) return group.communicator().split(0);
  NcclId id{};
  group.on_all_ranks([&] {
    const NcclApi& nccl = nccl_library();
    if (group.is_root()) id = make_nccl_id(nccl);
  });
  return join_nccl(nccl_library(), group.broadcast(id), group.rank(), group.size(), queue);
}

}  // namespace

WorkerPool::WorkerPool(ProcessGroup& group, const ModelInfo& info, const Dataset& train, const TrainState& start)
    : group_(group),
      run_size_(info.config.workers),
      contexts_(parallel_workers(info.config, group.size()), device_of(info.config.device), info.config.recompute),
      workers_(make_workers(group, info, train, start, contexts_)),
      thread_group_(int(size())),
      threads_(
          size(), threads_per_worker(info.config, group.size()),
          [this](int64_t worker, const std::string& reason) { thread_group_.abort(int(worker), reason); },
          [gpu = current_gpu()] { use_gpu(gpu); }) {}

void WorkerPool::connect(const AveragingOptions& averaging) {
  threads_.run([&](int64_t i) {
    const Queue queue = contexts_.queue(i);
    worker(i).connect(group_.size() > 1 ? join_processes(group_, queue) : thread_group_.join(int(i), queue), averaging);
  });
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
  if (run_size_ == 1) return all;
  for (const auto& w : workers_) all[w->rank()] = w->state();
  return all;
}

}  // namespace skein
