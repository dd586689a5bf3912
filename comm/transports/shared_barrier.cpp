#include "comm/transports/shared_barrier.h"

#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/activity.h"
#include "base/check.h"
#include "base/terminal/standard_files.h"

namespace skein {
namespace {

constexpr double kLookSeconds = 1;  // between two looks at what is missing

const char* name_of(Call call) {
  constexpr const char* kNames[] = {"all_reduce", "all_gather", "all_to_all", "barrier", "split"};
  return kNames[size_t(call)];
}

}  // namespace

SharedBarrier::SharedBarrier(std::vector<int> world_ranks, double timeout, double report_after)
    : world_ranks_(std::move(world_ranks)),
      timeout_(timeout),
      report_after_(report_after),
      calls_(world_ranks_.size()),
      here_(world_ranks_.size()) {}

void SharedBarrier::begin(int rank, const PostedCall& call) {
  {
    std::unique_lock lock(mutex_);
    if (!error_.empty()) throw PeerLost(error_);
    calls_[size_t(rank)] = call;
    const int64_t round = round_;
    here_[size_t(rank)] = true;
    if (arrive())
      here_.assign(here_.size(), false);
    else
      wait_for_all(lock, rank, round);
  }
  check_calls();
}

// One rank speaks for all that wait: the lowest.
void SharedBarrier::wait_for_all(std::unique_lock<std::mutex>& lock, int rank, int64_t round) {
  const auto look = std::chrono::duration<double>(std::min({kLookSeconds, report_after_, timeout_}));
  const auto over = [&] { return round_ != round || !error_.empty(); };
  WaitReport report(report_after_);
  double worked = 0;  // seconds of the wait at which the process was last seen to work
  int64_t cpu = activity::cpu_ms();
  while (!changed_.wait_for(lock, look, over)) {
    const double waited = report.seconds();
    if (const int64_t now = activity::cpu_ms(); now - std::exchange(cpu, now) >= activity::kWorkMs) worked = waited;
    const bool speaks = std::find(here_.begin(), here_.end(), true) - here_.begin() == rank;
    if (waited - worked > timeout_) {
      error_ = fmt::format("no worker has done anything for {} s. {}", timeout_, account(rank, waited));
      changed_.notify_all();
    } else if (report.is_due() && speaks && usual_.is_exceeded_by(waited)) {
      print_error(account(rank, waited));
    }
  }
  if (round_ == round)
    throw PeerLost(error_);  // a round that all ranks completed counts, even if one has aborted since
  usual_.add(report.seconds());
}

std::string SharedBarrier::account(int rank, double seconds) const {
  std::vector<int> missing;
  for (size_t r = 0; r < here_.size(); ++r)
    if (!here_[r]) missing.push_back(world_ranks_[r]);
  const PostedCall& call = calls_[size_t(rank)];
  return fmt::format("worker {} (process {}), step {}: has waited {:.1f} s in {} of {} bytes for {} {}",
                     world_ranks_[size_t(rank)], getpid(), activity::step(), seconds, name_of(call.call),
                     call.data.bytes(), missing.size() == 1 ? "worker" : "workers", fmt::join(missing, ", "));
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
  if (!arrive()) changed_.wait(lock, [&] { return round_ != round; });
}

// True on the rank that completes the round.
bool SharedBarrier::arrive() {
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
    known = barrier = std::make_shared<SharedBarrier>(ranks, timeout_, report_after_);
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
