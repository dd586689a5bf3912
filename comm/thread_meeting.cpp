#include "comm/thread_meeting.h"

#include "kernels/check.h"

namespace skein {
namespace {

const char* name_of(Call call) {
  constexpr const char* kNames[] = {"sum", "gather", "exchange", "broadcast", "barrier", "split"};
  return kNames[size_t(call)];
}

}  // namespace

ThreadMeeting::ThreadMeeting(std::vector<int> names) : names_(std::move(names)), posts_(names_.size()) {}

void ThreadMeeting::meet(int rank, const Post& post) {
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
void ThreadMeeting::check_posts() const {
  const Post& first = posts_[0];
  for (size_t r = 1; r < posts_.size(); ++r) {
    const Post& p = posts_[r];
    CHECK(p.call == first.call, "rank {} calls {}, rank {} calls {}", names_[0], name_of(first.call), names_[r],
          name_of(p.call));
    CHECK(p.data.dtype == first.data.dtype && p.data.bytes() == first.data.bytes() && p.scale == first.scale,
          "{}: rank {} has {} bytes, rank {} {}", name_of(p.call), names_[0], first.data.bytes(), names_[r],
          p.data.bytes());
    CHECK(p.call != Call::broadcast || p.argument == first.argument, "broadcast: rank {} says root {}, rank {} root {}",
          names_[0], first.argument, names_[r], p.argument);
  }
}

void ThreadMeeting::finish() noexcept {
  std::unique_lock lock(mutex_);
  const int64_t round = round_;
  if (!arrive(lock)) changed_.wait(lock, [&] { return round_ != round; });
}

// True on the rank that completes the round.
bool ThreadMeeting::arrive(std::unique_lock<std::mutex>&) {
  if (++arrived_ < size()) return false;
  arrived_ = 0;
  ++round_;
  changed_.notify_all();
  return true;
}

std::shared_ptr<ThreadMeeting> ThreadMeeting::child(int color, const std::vector<int>& members) {
  const std::lock_guard lock(mutex_);
  if (!broken_.empty()) throw PeerLost(broken_);
  std::erase_if(children_, [](const auto& c) { return c.second.expired(); });
  std::weak_ptr<ThreadMeeting>& known = children_[{round_, color}];
  std::shared_ptr<ThreadMeeting> meeting = known.lock();
  if (!meeting) {
    std::vector<int> names;
    for (const int member : members) names.push_back(names_[size_t(member)]);
    known = meeting = std::make_shared<ThreadMeeting>(names);
  }
  return meeting;
}

void ThreadMeeting::abort(const std::string& message) {
  std::vector<std::shared_ptr<ThreadMeeting>> children;
  {
    const std::lock_guard lock(mutex_);
    if (broken_.empty()) broken_ = message;
    for (const auto& [key, child] : children_)
      if (auto meeting = child.lock()) children.push_back(meeting);
  }
  changed_.notify_all();
  for (const auto& child : children) child->abort(message);
}

void ThreadMeeting::leave(int rank) {
  {
    const std::lock_guard lock(mutex_);
    if (broken_.empty()) broken_ = fmt::format("worker {} has left; the others cannot go on", names_[size_t(rank)]);
  }
  changed_.notify_all();
}

}  // namespace skein
