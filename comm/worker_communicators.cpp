#include "comm/worker_communicators.h"

#include "base/check.h"
#include "comm/transports/nccl_communicator.h"
#include "comm/transports/thread_communicator.h"

namespace skein {
namespace {

std::unique_ptr<Communicator> join_over_nccl(ProcessGroup& group, Queue queue) {
  NcclId id{};
  group.on_all_ranks([&] {
    const NcclApi& nccl = nccl_library();
    if (group.is_root()) id = make_nccl_id(nccl);
  });
  return join_nccl(nccl_library(), group.broadcast(id), group.rank(), group.size(), queue);
}

}  // namespace

WorkerCommunicators::WorkerCommunicators(ProcessGroup& group, int workers)
    : group_(group), threads_(std::make_unique<ThreadGroup>(workers, group.timeout())) {
  CHECK(workers == 1 || group.size() == 1, "{} workers in each of {} processes", workers, group.size());
}

WorkerCommunicators::~WorkerCommunicators() = default;

std::unique_ptr<Communicator> WorkerCommunicators::join(int worker, Queue queue) {
  if (group_.size() == 1) return threads_->join(worker, queue);
  // A split has messages of its own, apart from those of the process group.
  return queue.device == Device::cpu ? group_.communicator().split(0) : join_over_nccl(group_, queue);
}

void WorkerCommunicators::abort(int worker, const std::string& reason) { threads_->abort(worker, reason); }

}  // namespace skein
