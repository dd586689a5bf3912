// The heartbeats of TcpStreams, and what a wait makes of them.
#include <fmt/format.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <thread>

#include "base/activity.h"
#include "base/terminal/standard_files.h"
#include "comm/communicator.h"
#include "comm/transports/tcp_streams.h"

namespace skein {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kIdleFactor = 6;  // of the timeout: for a rank that is alive and waits itself
constexpr int kMostNamed = 8;

Clock::duration duration(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

// False: no more bytes are there.
bool TcpStreams::pull_heartbeat(int peer) {
  Link& link = links_[size_t(peer)];
  char* const to = reinterpret_cast<char*>(&link.arriving_heartbeat);
  const ssize_t n = link.socket.receive(to + link.in_heartbeat, sizeof(Heartbeat) - size_t(link.in_heartbeat));
  if (n < 0 && would_block()) return false;
  if (n <= 0) throw_lost(peer);
  link.in_heartbeat += n;
  if (link.in_heartbeat == int64_t(sizeof(Heartbeat))) take_heartbeat(link);
  return true;
}

void TcpStreams::take_heartbeat(Link& link) {
  link.clock.hear(link.heard, link.arriving_heartbeat, Clock::now());
  link.heard = link.arriving_heartbeat;
  link.in_heartbeat = -1;
}

// Of a peer from which no message is due: what else it has sent stays where it is, for a later call.
void TcpStreams::look_for_heartbeats(int peer) {
  Link& link = links_[size_t(peer)];
  struct {
    Header header;
    Heartbeat heartbeat;
  } next;
  while (link.in.empty()) {
    if (link.in_heartbeat >= 0) {
      if (!pull_heartbeat(peer)) return;
      continue;
    }
    const ssize_t n = link.socket.peek(&next, sizeof next);
    if (n != ssize_t(sizeof next) || next.header.kind != kBeatMark || next.header.bytes != int64_t(sizeof(Heartbeat)))
      return;
    link.socket.receive(&next, sizeof next);
    link.arriving_heartbeat = next.heartbeat;
    take_heartbeat(link);
  }
}

// Queues a heartbeat for every peer that has none yet, between two messages.
void TcpStreams::beat() {
  if (Clock::now() < next_beat_) return;
  next_beat_ = Clock::now() + duration(options_.heartbeat);
  const Heartbeat now = Heartbeat::of_this_process();
  for (Link& link : links_) {
    if (!link.socket || link.beating) continue;
    link.own = now;
    link.beating = true;
    const bool under_way = !link.out.empty() && link.out.front().done > 0;
    link.out.insert(link.out.begin() + (under_way ? 1 : 0),
                    {{kBeatMark, 0, int64_t(sizeof(Heartbeat))}, reinterpret_cast<char*>(&link.own)});
  }
}

// Sends heartbeats while this rank does something else. A stream that has ended is found by the next wait().
void TcpStreams::beat_until_end() {
  std::unique_lock lock(mutex_);
  while (!ended_.wait_for(lock, duration(options_.heartbeat), [&] { return end_; })) {
    beat();
    for (Link& link : links_)
      if (link.socket && link.has_output()) push_some(link);
  }
}

// Reads what nobody will read any more, until all that was sent has been acknowledged. The kernel would forget what is
// on its way when a socket is closed with bytes in it that were not read.
void TcpStreams::settle(double seconds) const noexcept {
  const Deadline deadline = Clock::now() + duration(seconds);
  for (const Link& link : links_) {
    char dropped[4096];
    for (int left = 1; link.socket && !link.socket.has_ended();) {
      while (recv(link.socket.fd(), dropped, sizeof dropped, MSG_DONTWAIT) > 0) continue;
      if (ioctl(link.socket.fd(), SIOCOUTQ, &left) != 0 || left == 0 || Clock::now() >= deadline) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
}

// Reports a wait that is long; PeerLost where a rank that owes something is lost.
void TcpStreams::check_peers(const char* call, int64_t bytes, WaitReport& report) {
  const auto now = Clock::now(), begin = now - duration(report.seconds());
  bool silence = false;
  for (int r = 0; r < int(links_.size()); ++r) {
    Link& link = links_[size_t(r)];
    if (!link.owes()) continue;
    look_for_heartbeats(r);
    const double silent = link.clock.silent(begin, now), idle = link.clock.idle(begin, now);
    silence |= silent >= options_.report_after;
    const double unacknowledged = link.socket.unacknowledged_seconds();
    std::string why;
    if (silent > options_.timeout)
      why = fmt::format("rank {} has not answered for {} s", r, options_.timeout);
    else if (idle > kIdleFactor * options_.timeout)
      why = fmt::format("rank {} is there but has done nothing for {} s", r, kIdleFactor * options_.timeout);
    else if (unacknowledged > options_.vanished)
      why = fmt::format("rank {} cannot be reached any more: its machine has acknowledged nothing for {:.0f} s", r,
                        unacknowledged);
    if (!why.empty()) throw PeerLost(why + ". " + account(call, bytes, report.seconds()));
  }
  if (report.is_due() && (silence || usual_.is_exceeded_by(report.seconds())))
    print_error(account(call, bytes, report.seconds()));
}

std::string TcpStreams::name(int peer) const {
  return fmt::format("rank {} ({})", peer, links_[size_t(peer)].process.text());
}

// What is waited for, and what is known of the ranks that owe something.
std::string TcpStreams::account(const char* call, int64_t bytes, double seconds) const {
  std::string text = fmt::format("{}, step {}: has waited {:.1f} s in {} of {} bytes for", name(rank_),
                                 activity::step(), seconds, call, bytes);
  const auto now = Clock::now();
  int named = 0, more = 0;
  for (int r = 0; r < int(links_.size()); ++r) {
    const Link& link = links_[size_t(r)];
    if (!link.owes()) continue;
    if (named == kMostNamed) {
      ++more;
      continue;
    }
    text += fmt::format("{} {}, heard {:.1f} s ago", named++ > 0 ? ";" : "", name(r),
                        link.clock.silent(now - duration(seconds), now));
    if (link.heard.cpu_ms > 0) text += " in " + link.heard.text();
  }
  return more > 0 ? fmt::format("{}; and {} ranks more", text, more) : text;
}

}  // namespace skein
