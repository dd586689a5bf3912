// K workers as K threads of one process. Every call waits for all ranks, each does its share reading the others' memory
// directly, and waits again; waiting threads sleep, so K may be far above the number of cores.
// A rank that aborts, or that drops its Communicator while others still call, ends their calls with PeerLost at once.
// Ranks that make different calls, or hand over different sizes, all get the error that says so.
#pragma once

#include "comm/communicator.h"
#include "kernels/queue.h"

namespace skein {

class SharedBarrier;  // the ranks of one communicator and what they are about to do

class ThreadGroup {
 public:
  explicit ThreadGroup(int size);
  // Once per rank, from any thread; it may outlive the group. `queue` is where that rank's views live.
  std::unique_ptr<Communicator> join(int rank, Queue queue = {});
  // Rank `rank` cannot go on: every present and future call of the others, split communicators included, throws
  // PeerLost with the rank and the reason. The first abort counts. Call it before the rank's Communicator goes.
  void abort(int rank, const std::string& reason);

 private:
  std::shared_ptr<SharedBarrier> barrier_;
};

}  // namespace skein
