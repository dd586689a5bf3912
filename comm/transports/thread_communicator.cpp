#include "comm/transports/thread_communicator.h"

#include "base/check.h"
#include "comm/shards.h"
#include "comm/transports/shared_barrier.h"
#include "kernels/all_sum.h"
#include "kernels/runtime.h"

namespace skein {
namespace {

class BarrierScope {
 public:
  BarrierScope(SharedBarrier& barrier, int rank, const PostedCall& post) : barrier_(barrier) {
    barrier_.meet(rank, post);
  }
  ~BarrierScope() { barrier_.finish(); }
  BarrierScope(const BarrierScope&) = delete;

 private:
  SharedBarrier& barrier_;
};

class ThreadCommunicator : public Communicator {
 public:
  ThreadCommunicator(std::shared_ptr<SharedBarrier> barrier, int rank, Queue queue)
      : barrier_(std::move(barrier)), rank_(rank), queue_(queue) {}
  ~ThreadCommunicator() override { barrier_->leave(rank_); }

  int rank() const override { return rank_; }
  int size() const override { return barrier_->size(); }
  Traffic traffic() const override { return traffic_; }

  void all_reduce(View data, float scale) override {
    CHECK(data.dtype == DType::f32, "sum is of f32");
    together({Call::all_reduce, data, 0, scale}, sum_bytes(data, rank_, size()),
             [&](const std::vector<PostedCall>& posts) {
               std::vector<View> all;
               for (const PostedCall& p : posts) all.push_back(p.data);
               const Shard mine = shard(data.numel(), rank_, size());
               queue_.run(kernel::sum_to_all, all, mine.begin, mine.end, scale);
             });
  }

  void all_gather(View mine, View all) override {
    CHECK(all.dtype == mine.dtype && all.numel() == size() * mine.numel(), "gather of {} elements into {}",
          mine.numel(), all.numel());
    together({Call::all_gather, mine}, gather_bytes(mine, size()), [&](const std::vector<PostedCall>& posts) {
      for (int r = 0; r < size(); ++r) copy(posts[size_t(r)].data, slice(all, shard(all.numel(), r, size())));
    });
  }

  void all_to_all(View to, View from) override {
    CHECK(to.dtype == from.dtype && to.numel() == from.numel() && to.numel() % size() == 0,
          "exchange of {} elements with {} among {} ranks", to.numel(), from.numel(), size());
    together({Call::all_to_all, to}, exchange_bytes(to, size()), [&](const std::vector<PostedCall>& posts) {
      for (int r = 0; r < size(); ++r)
        copy(slice(posts[size_t(r)].data, shard(to.numel(), rank_, size())),
             slice(from, shard(from.numel(), r, size())));
    });
  }

  void broadcast(View data, int root) override {
    CHECK(0 <= root && root < size(), "rank {} of {}", root, size());
    together({Call::broadcast, data, root}, broadcast_bytes(data, rank_ == root, size()),
             [&](const std::vector<PostedCall>& posts) { copy(posts[size_t(root)].data, data); });
  }

  void barrier() override { const BarrierScope round(*barrier_, rank_, {}); }

  std::unique_ptr<Communicator> split(int color) override {
    const BarrierScope round(*barrier_, rank_, {Call::split, {}, color});
    std::vector<int> members;
    int place = 0;
    for (int r = 0; r < size(); ++r) {
      if (barrier_->posts()[size_t(r)].argument != color) continue;
      if (r == rank_) place = int(members.size());
      members.push_back(r);
    }
    return std::make_unique<ThreadCommunicator>(barrier_->child(color, members), place, queue_);
  }

 private:
  template <class Body>
  void together(const PostedCall& post, int64_t bytes, Body&& body) {
    queue_.run(kernel::synchronize);
    {
      const BarrierScope round(*barrier_, rank_, post);
      body(barrier_->posts());
      queue_.run(kernel::synchronize);
    }
    if (size() == 1) return;
    traffic_.bytes += bytes;
    traffic_.rounds += post.call == Call::all_reduce ? 2 : 1;
  }

  void copy(View from, View to) {
    if (from.data != to.data && from.numel() > 0) queue_.run(kernel::copy, from, to);
  }

  std::shared_ptr<SharedBarrier> barrier_;
  int rank_;
  Queue queue_;
  Traffic traffic_;
};

std::vector<int> numbers_up_to(int size) {
  std::vector<int> names;
  for (int r = 0; r < size; ++r) names.push_back(r);
  return names;
}

}  // namespace

ThreadGroup::ThreadGroup(int size) : barrier_(std::make_shared<SharedBarrier>(numbers_up_to(size))) {
  CHECK(size > 0, "a group of {} workers", size);
}

std::unique_ptr<Communicator> ThreadGroup::join(int rank, Queue queue) {
  CHECK(0 <= rank && rank < barrier_->size(), "rank {} of {}", rank, barrier_->size());
  return std::make_unique<ThreadCommunicator>(barrier_, rank, queue);
}

void ThreadGroup::abort(int rank, const std::string& reason) {
  barrier_->abort(fmt::format("worker {} stopped: {}", rank, reason));
}

}  // namespace skein
