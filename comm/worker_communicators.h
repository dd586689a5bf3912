// A communicator for each worker of this process, whose ranks are all workers of the run. One process alone has all
// workers, as threads. Several processes have one worker each: models in host memory travel the way that the process
// group has (MPI or TCP), models on GPUs over NCCL. The bits are the same on every way.
//
// Threading: join() and the communicator's calls by the worker's own thread; abort() from any thread.
#pragma once

#include "comm/process_group.h"

namespace skein {

class ThreadGroup;

class WorkerCommunicators {
 public:
  // workers: those of this process; CHECK fails where there are several in several processes.
  WorkerCommunicators(ProcessGroup& group, int workers);
  ~WorkerCommunicators();

  // Once per worker, 0 <= worker < workers. Collective over all workers of the run. queue: where the worker's views
  // live; on a GPU, the calling thread's. BadInput on every process where NCCL is needed and absent.
  std::unique_ptr<Communicator> join(int worker, Queue queue);
  // The worker cannot go on: every call of this process's other workers, present and future, throws PeerLost.
  void abort(int worker, const std::string& reason);

 private:
  ProcessGroup& group_;
  std::unique_ptr<ThreadGroup> threads_;
};

}  // namespace skein
