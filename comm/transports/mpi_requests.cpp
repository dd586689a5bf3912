#include "comm/transports/mpi_requests.h"

#include <sched.h>

#include <chrono>
#include <thread>

#include "base/check.h"

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
  auto moved = Clock::now();
  for (size_t open = open_.size(); !test_all();) {
    if (open_.size() < open) open = open_.size(), moved = Clock::now();
    const auto silent = Clock::now() - moved;
    if (std::chrono::duration<double>(silent).count() > timeout_)
      throw PeerLost(fmt::format("{} has not answered for {} s",
                                 open_[0].peer < 0 ? "some rank" : fmt::format("rank {}", open_[0].peer), timeout_));
    if (silent < kYieldFor)
      sched_yield();
    else
      std::this_thread::sleep_for(kSleep);
  }
}

}  // namespace skein
