#include "comm/transports/thread_communicator.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "comm/shards.h"
#include "comm/transports/shared_barrier.h"
#include "engine/peer_memory.h"
#include "kernels/all_sum.h"
#include "kernels/device/runtime.h"

namespace skein {
namespace {

class BarrierScope {
 public:
  BarrierScope(SharedBarrier& barrier, int rank, const PostedCall& call) : barrier_(barrier) {
    barrier_.begin(rank, call);
  }
  ~BarrierScope() { barrier_.end(); }
  BarrierScope(const BarrierScope&) = delete;

 private:
  SharedBarrier& barrier_;
};

class ThreadCommunicator : public Communicator {
 public:
  ThreadCommunicator(std::shared_ptr<SharedBarrier> barrier, int rank, Queue queue)
      : Communicator(rank, barrier->size(), queue), barrier_(std::move(barrier)), memory_(queue) {}
  ~ThreadCommunicator() override { barrier_->leave(rank()); }

 protected:
  void do_all_reduce(View data, float scale) override {
    run({Call::all_reduce, data, 0, scale}, [&](const std::vector<PostedCall>& calls) {
      std::vector<View> all;
      for (const PostedCall& c : calls) all.push_back(c.data);
      const Shard own = shard(data.numel(), rank(), size());
      if (std::all_of(all.begin(), all.end(), [&](View v) { return memory_.reaches(v); }))
        queue().run(kernel::sum_to_all, all, own.begin, own.end, scale);
      else
        sum_out_of_reach(all, own, scale);
    });
  }

  void do_all_gather(View mine, View all) override {
    run({Call::all_gather, mine}, [&](const std::vector<PostedCall>& calls) {
      for (int r = 0; r < size(); ++r) memory_.copy(calls[size_t(r)].data, slice(all, shard(all.numel(), r, size())));
    });
  }

  void do_all_to_all(View sent, View received) override {
    run({Call::all_to_all, sent}, [&](const std::vector<PostedCall>& calls) {
      for (int r = 0; r < size(); ++r)
        memory_.copy(slice(calls[size_t(r)].data, shard(sent.numel(), rank(), size())),
                     slice(received, shard(received.numel(), r, size())));
    });
  }

  void do_barrier() override { const BarrierScope scope(*barrier_, rank(), {}); }

  std::unique_ptr<Communicator> do_split(int color) override {
    const BarrierScope scope(*barrier_, rank(), {Call::split, {}, color});
    std::vector<int> members;
    int part_rank = 0;
    for (int r = 0; r < size(); ++r) {
      if (barrier_->calls()[size_t(r)].color != color) continue;
      if (r == rank()) part_rank = int(members.size());
      members.push_back(r);
    }
    return std::make_unique<ThreadCommunicator>(barrier_->child(color, members), part_rank, queue());
  }

 private:
  // The sum in the same order where the views are in the memory of several GPUs that do not all reach each other.
  void sum_out_of_reach(const std::vector<View>& all, Shard own, float scale) {
    std::vector<View> parts;
    for (const View& v : all) parts.push_back(slice(v, own));
    const View sum = parts[size_t(rank())];
    if (sum.numel() == 0) return;
    queue().run(kernel::sum_to_one, memory_.readable(parts), scale, sum);
    for (const View& part : parts) memory_.copy(sum, part);
  }

  // body(the calls of all ranks) between the two waits, with the device's work done at both.
  template <class Body>
  void run(const PostedCall& call, Body&& body) {
    queue().run(kernel::synchronize);
    const BarrierScope scope(*barrier_, rank(), call);
    body(barrier_->calls());
    queue().run(kernel::synchronize);
  }

  std::shared_ptr<SharedBarrier> barrier_;
  PeerMemory memory_;
};

std::vector<int> numbers_up_to(int size) {
  std::vector<int> numbers(static_cast<size_t>(size));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

}  // namespace

ThreadGroup::ThreadGroup(int size, double timeout, double report_after) {
  CHECK(size > 0, "a group of {} workers", size);
  barrier_ = std::make_shared<SharedBarrier>(numbers_up_to(size), timeout, report_after);
}

std::unique_ptr<Communicator> ThreadGroup::join(int rank, Queue queue) {
  CHECK(0 <= rank && rank < barrier_->size(), "rank {} of {}", rank, barrier_->size());
  return std::make_unique<ThreadCommunicator>(barrier_, rank, queue);
}

void ThreadGroup::abort(int rank, const std::string& reason) {
  barrier_->abort(fmt::format("worker {} stopped: {}", rank, reason));
}

}  // namespace skein
