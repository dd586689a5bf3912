// Ranks that are threads of one process. A call waits for all ranks, then each rank does its share, reading the other
// ranks' memory directly, then all wait again. Waiting threads sleep, so there may be far more ranks than cores. The
// ranks may be on several GPUs (engine/peer_memory.h).
//
// Threading: each rank calls from a thread of its own. ThreadGroup may be used from any thread.
// Errors: PeerLost on every rank, at once, where a rank aborts or drops its Communicator while other ranks still call.
// CHECK fails on all ranks where they make different calls or pass different sizes.
// Bit order: each rank adds up its shard over all ranks in rank order (kernels/all_sum.h) and writes it to all.
#pragma once

#include "comm/communicator.h"

namespace skein {

class SharedBarrier;

class ThreadGroup {
 public:
  // timeout: seconds after which a wait fails in which no thread of the process does anything.
  explicit ThreadGroup(int size, double timeout = 300, double report_after = 5);
  // Once per rank, from any thread; the communicator may outlive the group. `queue`: where that rank's views live. On a
  // GPU the communicator's calls are by a thread whose current GPU is the queue's.
  std::unique_ptr<Communicator> join(int rank, Queue queue = {});
  // Rank `rank` cannot go on: every present and future call of the other ranks, split communicators included, throws
  // PeerLost with the rank and the reason. The first abort counts. Call it before the rank's Communicator is destroyed.
  void abort(int rank, const std::string& reason);

 private:
  std::shared_ptr<SharedBarrier> barrier_;
};

}  // namespace skein
