#include "comm/transports/shared_barrier.h"

#include "base/check.h"

namespace skein {
namespace {

const char* name_of(Call call) {
  constexpr const char* kNames[] = {"all_reduce", "all_gather", "all_to_all", "barrier", "split"};
  return kNames[size_t(call)];
}

}  // namespace

SharedBarrier::SharedBarrier(std::vector<int> world_ranks)
    : world_ranks_(std::move(world_ranks)), calls_(world_ranks_.size()) {}

void SharedBarrier::begin(int rank, const PostedCall& call) {
  {
    std::unique_lock lock(mutex_);
    if (!error_.empty()) throw PeerLost(error_);
    calls_[size_t(rank)] = call;
    const int64_t round = round_;
    if (!arrive(lock)) {
      changed_.wait(lock, [&] { return round_ != round || !error_.empty(); });
      if (round_ == round)
        throw PeerLost(error_);  // a round that all ranks completed counts, even if one has aborted since
    }
  }
  check_calls();
}

// Every rank compares all calls, so every rank throws or none does.
void SharedBarrier::check_calls() const {
  const PostedCall& first = calls_[0];
  for (size_t r = 1; r < calls_.size(); ++r) {
    const PostedCall& p = calls_[r];
    CHECK(p.call == first.call, "rank {} calls {}, rank {} calls {}", world_ranks_[0], name_of(first.call),
          world_ranks_[r], name_of(p.call));
    CHECK(p.data.dtype == first.data.dtype && p.data.bytes() == first.data.bytes() && p.scale == first.scale,
          "{}: rank {} has {} bytes, rank {} {}", name_of(p.call), world_ranks_[0], first.data.bytes(), world_ranks_[r],
          p.data.bytes());
  }
}

void SharedBarrier::end() noexcept {
  std::unique_lock lock(mutex_);
  const int64_t round = round_;
  if (!arrive(lock)) changed_.wait(lock, [&] { return round_ != round; });
}

// True on the rank that completes the round.
bool SharedBarrier::arrive(std::unique_lock<std::mutex>&) {
  if (++arrived_ < size()) return false;
  arrived_ = 0;
  ++round_;
  changed_.notify_all();
  return true;
}

std::shared_ptr<SharedBarrier> SharedBarrier::child(int color, const std::vector<int>& members) {
  const std::lock_guard lock(mutex_);
  if (!error_.empty()) throw PeerLost(error_);
  std::erase_if(children_, [](const auto& c) { return c.second.expired(); });
  std::weak_ptr<SharedBarrier>& known = children_[{round_, color}];
  std::shared_ptr<SharedBarrier> barrier = known.lock();
  if (!barrier) {
    std::vector<int> ranks;
    for (const int member : members) ranks.push_back(world_ranks_[size_t(member)]);
    known = barrier = std::make_shared<SharedBarrier>(ranks);
  }
  return barrier;
}

void SharedBarrier::abort(const std::string& message) {
  std::vector<std::shared_ptr<SharedBarrier>> children;
  {
    const std::lock_guard lock(mutex_);
    if (error_.empty()) error_ = message;
    for (const auto& [key, child] : children_)
      if (auto barrier = child.lock()) children.push_back(barrier);
  }
  changed_.notify_all();
  for (const auto& child : children) child->abort(message);
}

void SharedBarrier::leave(int rank) {
  {
    const std::lock_guard lock(mutex_);
    if (error_.empty()) error_ = fmt::format("worker {} has left; the others cannot go on", world_ranks_[size_t(rank)]);
  }
  changed_.notify_all();
}

}  // namespace skein
