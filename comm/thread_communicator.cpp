#include "comm/thread_communicator.h"

#include "comm/shards.h"
#include "comm/thread_meeting.h"
#include "kernels/all_sum.h"
#include "kernels/check.h"
#include "kernels/runtime.h"

namespace skein {
namespace {

class Round {
 public:
  Round(ThreadMeeting& meeting, int rank, const Post& post) : meeting_(meeting) { meeting_.meet(rank, post); }
  ~Round() { meeting_.finish(); }
  Round(const Round&) = delete;

 private:
  ThreadMeeting& meeting_;
};

class ThreadCommunicator : public Communicator {
 public:
  ThreadCommunicator(std::shared_ptr<ThreadMeeting> meeting, int rank, Queue queue)
      : meeting_(std::move(meeting)), rank_(rank), queue_(queue) {}
  ~ThreadCommunicator() override { meeting_->leave(rank_); }

  int rank() const override { return rank_; }
  int size() const override { return meeting_->size(); }
  Traffic traffic() const override { return traffic_; }

  void sum(View data, float scale) override {
    CHECK(data.dtype == DType::f32, "sum is of f32");
    together({Call::sum, data, 0, scale}, sum_bytes(data, rank_, size()), [&](const std::vector<Post>& posts) {
      std::vector<View> all;
      for (const Post& p : posts) all.push_back(p.data);
      const Shard mine = shard(data.numel(), rank_, size());
      queue_.run(cpu::sum_to_all, cuda::sum_to_all, all, mine.begin, mine.end, scale);
    });
  }

  void gather(View mine, View all) override {
    CHECK(all.dtype == mine.dtype && all.numel() == size() * mine.numel(), "gather of {} elements into {}",
          mine.numel(), all.numel());
    together({Call::gather, mine}, gather_bytes(mine, size()), [&](const std::vector<Post>& posts) {
      for (int r = 0; r < size(); ++r) copy(posts[size_t(r)].data, slice(all, shard(all.numel(), r, size())));
    });
  }

  void exchange(View to, View from) override {
    CHECK(to.dtype == from.dtype && to.numel() == from.numel() && to.numel() % size() == 0,
          "exchange of {} elements with {} among {} ranks", to.numel(), from.numel(), size());
    together({Call::exchange, to}, exchange_bytes(to, size()), [&](const std::vector<Post>& posts) {
      for (int r = 0; r < size(); ++r)
        copy(slice(posts[size_t(r)].data, shard(to.numel(), rank_, size())),
             slice(from, shard(from.numel(), r, size())));
    });
  }

  void broadcast(View data, int root) override {
    CHECK(0 <= root && root < size(), "rank {} of {}", root, size());
    together({Call::broadcast, data, root}, broadcast_bytes(data, rank_ == root, size()),
             [&](const std::vector<Post>& posts) { copy(posts[size_t(root)].data, data); });
  }

  void barrier() override { const Round round(*meeting_, rank_, {}); }

  std::unique_ptr<Communicator> split(int color) override {
    const Round round(*meeting_, rank_, {Call::split, {}, color});
    std::vector<int> members;
    int place = 0;
    for (int r = 0; r < size(); ++r) {
      if (meeting_->posts()[size_t(r)].argument != color) continue;
      if (r == rank_) place = int(members.size());
      members.push_back(r);
    }
    return std::make_unique<ThreadCommunicator>(meeting_->child(color, members), place, queue_);
  }

 private:
  template <class Body>
  void together(const Post& post, int64_t bytes, Body&& body) {
    queue_.run(cpu::synchronize, cuda::synchronize);
    {
      const Round round(*meeting_, rank_, post);
      body(meeting_->posts());
      queue_.run(cpu::synchronize, cuda::synchronize);
    }
    if (size() == 1) return;
    traffic_.bytes += bytes;
    traffic_.rounds += post.call == Call::sum ? 2 : 1;
  }

  void copy(View from, View to) {
    if (from.data != to.data && from.numel() > 0) queue_.run(cpu::copy, cuda::copy, from, to);
  }

  std::shared_ptr<ThreadMeeting> meeting_;
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

ThreadGroup::ThreadGroup(int size) : meeting_(std::make_shared<ThreadMeeting>(numbers_up_to(size))) {
  CHECK(size > 0, "a group of {} workers", size);
}

std::unique_ptr<Communicator> ThreadGroup::join(int rank, Queue queue) {
  CHECK(0 <= rank && rank < meeting_->size(), "rank {} of {}", rank, meeting_->size());
  return std::make_unique<ThreadCommunicator>(meeting_, rank, queue);
}

void ThreadGroup::abort(int rank, const std::string& reason) {
  meeting_->abort(fmt::format("worker {} stopped: {}", rank, reason));
}

}  // namespace skein
