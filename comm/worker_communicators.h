// A communicator for each worker of this process, whose ranks are all workers of the run. The workers of a process are
// threads. Between processes, which have as many workers each, models in host memory travel the way that the process
// group has (MPI or TCP), models on GPUs over NCCL. The bits are the same on every way.
//
// Threading: join() and the communicator's calls by the worker's own thread; abort() from any thread.
#pragma once

#include "comm/process_group.h"

namespace skein {

class ThreadGroup;
struct NestedShared;

class WorkerCommunicators {
 public:
  // workers: those of this process, as many as of every other.
  WorkerCommunicators(ProcessGroup& group, int workers);
  ~WorkerCommunicators();

  // Once per worker, 0 <= worker < workers. Collective over all workers of the run. queue: where the worker's views
  // live; on a GPU, the calling thread's. BadInput on every process where NCCL is needed and absent.
  std::unique_ptr<Communicator> join(int worker, Queue queue);
  // The worker cannot go on: every call of this process's other workers, present and future, throws PeerLost.
  void abort(int worker, const std::string& reason);

 private:
  ProcessGroup& group_;
  const int workers_;
  std::unique_ptr<ThreadGroup> threads_;
  std::shared_ptr<NestedShared> shared_;  // written by worker 0 while the others wait for it
};

}  // namespace skein
