#include "comm/worker_communicators.h"

#include "base/check.h"
#include "comm/transports/nccl_communicator.h"
#include "comm/transports/nested_communicator.h"
#include "comm/transports/thread_communicator.h"

namespace skein {
namespace {

std::unique_ptr<Communicator> join_over_nccl(ProcessGroup& group, Queue queue) {
  NcclId id{};
  group.on_all_ranks([&] {
    if (group.is_encrypted())
      throw BadInput(
          "--tls: NCCL has connections of its own between GPUs, which skein cannot encrypt. Leave out --tls, or train "
          "on the CPU");
    const NcclApi& nccl = nccl_library();
    if (group.is_root()) id = make_nccl_id(nccl);
  });
  return join_nccl(nccl_library(), group.broadcast(id), group.rank(), group.size(), queue, {group.silent_timeout()});
}

std::unique_ptr<Communicator> join_processes(ProcessGroup& group, Queue queue) {
  // A split has messages of its own, apart from those of the process group.
  return queue.device == Device::cpu ? group.communicator().split(0) : join_over_nccl(group, queue);
}

// Seconds. Threads whose first waits for other processes wait with it: the way between processes has its own limit.
constexpr double kNoTimeout = 1e9;

}  // namespace

WorkerCommunicators::WorkerCommunicators(ProcessGroup& group, int workers)
    : group_(group),
      workers_(workers),
      threads_(std::make_unique<ThreadGroup>(workers, group.size() == 1 ? group.timeout() : kNoTimeout)) {}

WorkerCommunicators::~WorkerCommunicators() = default;

std::unique_ptr<Communicator> WorkerCommunicators::join(int worker, Queue queue) {
  if (group_.size() == 1) return threads_->join(worker, queue);
  if (workers_ == 1) return join_processes(group_, queue);
  std::unique_ptr<Communicator> threads = threads_->join(worker, queue);
  if (worker == 0) shared_ = share_among_threads(join_processes(group_, queue), workers_);
  threads->barrier();
  return join_nested(std::move(threads), shared_, queue);
}

void WorkerCommunicators::abort(int worker, const std::string& reason) { threads_->abort(worker, reason); }

}  // namespace skein
