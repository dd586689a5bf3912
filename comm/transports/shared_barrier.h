// The barrier that the threads of one communicator share: it sleeps, it can be aborted, and it shows every rank's call
// to all ranks.
//
//   begin(rank, call)   returns when all ranks have come: until end(), all calls are visible to all ranks. CHECK fails
//                       on every rank where the calls do not agree; PeerLost after abort() or leave(), and on every
//                       rank after a wait without end. A long wait is reported on stderr, at growing intervals.
//   end()               returns when all ranks have called it. It must follow a begin() that has returned, and it
//                       cannot be aborted: other ranks may still be reading this rank's memory.
//
// Threading: begin() and end() by each rank's own thread, the rest from any thread.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <vector>

#include "comm/communicator.h"
#include "comm/wait_report.h"

namespace skein {

enum class Call : uint8_t { all_reduce, all_gather, all_to_all, barrier, split };

struct PostedCall {
  Call call = Call::barrier;
  View data;        // memory that the other ranks read, and in an all_reduce write
  int color = 0;    // of split
  float scale = 1;  // of all_reduce
};

class SharedBarrier {
 public:
  // world_ranks: the ranks' numbers in the first communicator, for messages. timeout: seconds after which begin() fails
  // where ranks are missing and the process has used no processor meanwhile.
  SharedBarrier(std::vector<int> world_ranks, double timeout, double report_after);
  int size() const { return int(world_ranks_.size()); }
  void begin(int rank, const PostedCall& call);
  void end() noexcept;
  const std::vector<PostedCall>& calls() const { return calls_; }  // between begin and end
  // The barrier of a split's ranks, the same object for all of them. Between begin and end.
  std::shared_ptr<SharedBarrier> child(int color, const std::vector<int>& members);
  void abort(const std::string& message);
  void leave(int rank);  // `rank` makes no more calls

 private:
  bool arrive();
  void wait_for_all(std::unique_lock<std::mutex>& lock, int rank, int64_t round);
  std::string account(int rank, double seconds) const;
  void check_calls() const;

  const std::vector<int> world_ranks_;
  const double timeout_, report_after_;
  std::vector<PostedCall> calls_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  std::vector<bool> here_;  // in begin(), by rank
  UsualWait usual_;
  int64_t round_ = 0;
  std::string error_;  // why no call can succeed any more; empty: none
  std::map<std::pair<int64_t, int>, std::weak_ptr<SharedBarrier>> children_;  // by round of the split and color
};

}  // namespace skein
