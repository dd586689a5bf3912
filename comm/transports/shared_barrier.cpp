#include "comm/transports/shared_barrier.h"

#include "base/check.h"

namespace skein {
namespace {

const char* name_of(Call call) {
  constexpr const char* kNames[] = {"sum", "gather", "exchange", "broadcast", "barrier", "split"};
  return kNames[size_t(call)];
}

}  // namespace

SharedBarrier::SharedBarrier(std::vector<int> names) : names_(std::move(names)), posts_(names_.size()) {}

void SharedBarrier::meet(int rank, const PostedCall& post) {
  {
    std::unique_lock lock(mutex_);
    if (!broken_.empty()) throw PeerLost(broken_);
    posts_[size_t(rank)] = post;
    const int64_t round = round_;
    if (!arrive(lock)) {
      changed_.wait(lock, [&] { return round_ != round || !broken_.empty(); });
      if (round_ == round) throw PeerLost(broken_);  // a round that was completed counts even if it broke since
    }
  }
  check_posts();
}

// Every rank compares all posts, so every rank throws or none does.
void SharedBarrier::check_posts() const {
  const PostedCall& first = posts_[0];
  for (size_t r = 1; r < posts_.size(); ++r) {
    const PostedCall& p = posts_[r];
    CHECK(p.call == first.call, "rank {} calls {}, rank {} calls {}", names_[0], name_of(first.call), names_[r],
          name_of(p.call));
    CHECK(p.data.dtype == first.data.dtype && p.data.bytes() == first.data.bytes() && p.scale == first.scale,
          "{}: rank {} has {} bytes, rank {} {}", name_of(p.call), names_[0], first.data.bytes(), names_[r],
          p.data.bytes());
    CHECK(p.call != Call::broadcast || p.argument == first.argument, "broadcast: rank {} says root {}, rank {} root {}",
          names_[0], first.argument, names_[r], p.argument);
  }
}

void SharedBarrier::finish() noexcept {
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
  if (!broken_.empty()) throw PeerLost(broken_);
  std::erase_if(children_, [](const auto& c) { return c.second.expired(); });
  std::weak_ptr<SharedBarrier>& known = children_[{round_, color}];
  std::shared_ptr<SharedBarrier> barrier = known.lock();
  if (!barrier) {
    std::vector<int> names;
    for (const int member : members) names.push_back(names_[size_t(member)]);
    known = barrier = std::make_shared<SharedBarrier>(names);
  }
  return barrier;
}

void SharedBarrier::abort(const std::string& message) {
  std::vector<std::shared_ptr<SharedBarrier>> children;
  {
    const std::lock_guard lock(mutex_);
    if (broken_.empty()) broken_ = message;
    for (const auto& [key, child] : children_)
      if (auto barrier = child.lock()) children.push_back(barrier);
  }
  changed_.notify_all();
  for (const auto& child : children) child->abort(message);
}

void SharedBarrier::leave(int rank) {
  {
    const std::lock_guard lock(mutex_);
    if (broken_.empty()) broken_ = fmt::format("worker {} has left; the others cannot go on", names_[size_t(rank)]);
  }
  changed_.notify_all();
}

}  // namespace skein
