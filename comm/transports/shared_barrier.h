// Rendezvous of the threads of one communicator: a barrier that sleeps and can be broken, and one posted call per rank.
//   meet(rank, post)   all posts are visible to all ranks until finish(); throws on every rank if they do not agree
//   finish()           all ranks are done with the posts; must be called after a meet() that did not throw, and cannot
//                      be broken, because until then other ranks may be reading this rank's memory
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <vector>

#include "comm/communicator.h"

namespace skein {

enum class Call : uint8_t { all_reduce, all_gather, all_to_all, broadcast, barrier, split };

struct PostedCall {
  Call call = Call::barrier;
  View data;         // what the others read (sum: and write)
  int argument = 0;  // broadcast: root, which all must agree on; split: color
  float scale = 1;   // sum
};

class SharedBarrier {
 public:
  explicit SharedBarrier(std::vector<int> names);  // the ranks' numbers in the first communicator, for messages
  int size() const { return int(names_.size()); }
  void meet(int rank, const PostedCall& post);
  void finish() noexcept;
  const std::vector<PostedCall>& posts() const { return posts_; }  // between meet and finish
  std::shared_ptr<SharedBarrier> child(int color, const std::vector<int>& members);
  void abort(const std::string& message);
  void leave(int rank);  // `rank` will make no more calls

 private:
  bool arrive(std::unique_lock<std::mutex>&);
  void check_posts() const;

  const std::vector<int> names_;
  std::vector<PostedCall> posts_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  int64_t round_ = 0;
  std::string broken_;  // why no call can succeed any more; empty: all is well
  std::map<std::pair<int64_t, int>, std::weak_ptr<SharedBarrier>> children_;  // by round of the split and color
};

}  // namespace skein
