#include "comm/transports/mpi_requests.h"

#include <fmt/ranges.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "base/activity.h"
#include "base/check.h"
#include "base/terminal/standard_files.h"
#include "comm/sockets/handshake.h"

namespace skein {
namespace {

using Clock = std::chrono::steady_clock;

// A peer that computes does not answer soon, and may need this core. Longer sleeps would delay the answer by as much.
constexpr auto kYieldFor = std::chrono::milliseconds(1);
constexpr auto kSleep = std::chrono::microseconds(50);

}  // namespace

void check_mpi(const MpiApi& api, int code, const char* doing) {
  if (code == 0) return;
  char text[256] = "";
  api.error_text(code, text, sizeof text);
  throw PeerLost(fmt::format("MPI failed in {}: {}", doing, text));
}

template <class Start>
void MpiRequests::in_messages(View v, Start&& start) {
  for (int64_t begin = 0; begin < int64_t(v.bytes()); begin += message_) {
    MpiRequest request;
    start(v.as<char>() + begin, std::min(message_, int64_t(v.bytes()) - begin), &request);
    open_.push_back(request);
  }
}

void MpiRequests::send(View v, int peer, int tag) {
  in_messages(v, [&](char* data, int64_t bytes, MpiRequest* request) {
    check_mpi(*api_, api_->send(comm_, data, bytes, peer, tag, request), "send");
  });
}

void MpiRequests::receive(View v, int peer, int tag) {
  in_messages(v, [&](char* data, int64_t bytes, MpiRequest* request) {
    check_mpi(*api_, api_->receive(comm_, data, bytes, peer, tag, request), "receive");
  });
}

void MpiRequests::barrier() {
  MpiRequest request;
  check_mpi(*api_, api_->barrier(comm_, &request), "barrier");
  open_.push_back(request);
  wait();
}

bool MpiRequests::test_all() {
  if (open_.empty()) return true;
  check_mpi(*api_, api_->test(open_.data(), int(open_.size())), "wait");
  std::erase_if(open_, [](const MpiRequest& request) { return request.done; });
  return open_.empty();
}

void MpiRequests::wait() {
  if (test_all()) return;
  WaitReport report(limits_.report_after);
  auto moved = Clock::now();
  for (size_t open = open_.size(); !test_all();) {
    if (open_.size() < open) open = open_.size(), moved = Clock::now();
    const auto silent = Clock::now() - moved;
    if (std::chrono::duration<double>(silent).count() > limits_.timeout)
      throw PeerLost(fmt::format("{} has not answered for {} s. {}",
                                 open_[0].peer < 0 ? "some rank" : fmt::format("rank {}", open_[0].peer),
                                 limits_.timeout, account(report.seconds())));
    if (silent < kYieldFor) {
      sched_yield();
      continue;
    }
    if (report.is_due() && limits_.usual->is_exceeded_by(report.seconds())) print_error(account(report.seconds()));
    std::this_thread::sleep_for(kSleep);
  }
  limits_.usual->add(report.seconds());
}

// MPI does not tell which ranks a barrier waits for.
std::string MpiRequests::account(double seconds) const {
  std::set<int> missing;
  int64_t bytes = 0;
  for (const MpiRequest& r : open_) {
    bytes += r.bytes;
    if (r.peer >= 0) missing.insert(r.peer);
  }
  const ProcessName own = own_process();
  return fmt::format("rank {} ({}), step {}: has waited {:.1f} s in {} for {}; {} bytes are to come", rank_, own.text(),
                     activity::step(), seconds, *activity::own_call() ? activity::own_call() : "a call",
                     missing.empty() ? "other ranks" : fmt::format("ranks {}", fmt::join(missing, ", ")), bytes);
}

}  // namespace skein
