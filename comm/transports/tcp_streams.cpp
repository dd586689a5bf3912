#include "comm/transports/tcp_streams.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "base/terminal/printable.h"
#include "base/thread_team.h"
#include "comm/communicator.h"

namespace skein {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int64_t kLongestReason = 4096;
constexpr double kLookSeconds = 1;         // between two looks of wait() at its peers
constexpr double kAbortSeconds = 1;        // that sending or receiving the reason of an abort may take
constexpr double kLastReadSeconds = 0.25;  // to wait for the abort message of a rank whose stream has ended
constexpr double kSettleSeconds = 1;       // that the last bytes may take to be acknowledged

}  // namespace

TcpStreams::TcpStreams(TcpRanks ranks, int rank, const StreamOptions& options)
    : rank_(rank),
      options_(options),
      look_(std::min({kLookSeconds, options.timeout, options.report_after, options.heartbeat})) {
  for (size_t r = 0; r < ranks.links.size(); ++r) links_.push_back({std::move(ranks.links[r]), ranks.processes[r]});
  heart_ = start_thread("the thread that sends heartbeats", [this] { beat_until_end(); });
}

TcpStreams::~TcpStreams() {
  {
    const std::lock_guard lock(mutex_);
    end_ = true;
  }
  ended_.notify_all();
  heart_.join();
  settle(kSettleSeconds);
}

void TcpStreams::send(View v, int peer, uint32_t group) {
  const std::lock_guard lock(mutex_);
  if (v.bytes() > 0) links_[size_t(peer)].out.push_back({{kDataMark, group, int64_t(v.bytes())}, v.as<char>()});
}

void TcpStreams::receive(View v, int peer, uint32_t group) {
  const std::lock_guard lock(mutex_);
  if (v.bytes() > 0) links_[size_t(peer)].in.push_back({{kDataMark, group, int64_t(v.bytes())}, v.as<char>()});
}

void TcpStreams::wait(const char* call, int64_t bytes) {
  const std::lock_guard lock(mutex_);
  WaitReport report(options_.report_after);
  double next_look = look_;
  while (std::any_of(links_.begin(), links_.end(), [](const Link& l) { return l.owes(); })) {
    bool any = false;
    for (int r = 0; r < int(links_.size()); ++r) {
      any |= push(r);
      any |= pull(r);
    }
    if (const double waited = report.seconds(); waited >= next_look) {
      next_look = waited + look_;
      beat();
      check_peers(call, bytes, report);
    }
    if (!any) wait_for_any();
  }
  usual_.add(report.seconds());
}

bool TcpStreams::push(int peer) {
  const Pushed pushed = push_some(links_[size_t(peer)]);
  if (pushed == Pushed::failed) throw_lost(peer);
  return pushed == Pushed::data;
}

TcpStreams::Pushed TcpStreams::push_some(Link& link) {
  Pushed any = Pushed::nothing;
  while (!link.out.empty()) {
    Message& m = link.out.front();
    constexpr int64_t kHeader = sizeof(Header);
    const int64_t of_header = std::min(m.done, kHeader), of_data = m.done - of_header;
    const iovec parts[2] = {{reinterpret_cast<char*>(&m.header) + of_header, size_t(kHeader - of_header)},
                            {m.data + of_data, size_t(m.header.bytes - of_data)}};
    const ssize_t n = link.socket.send(parts, 2);
    if (n < 0 && would_block()) return any;
    if (n < 0) return Pushed::failed;
    m.done += n;
    if (m.header.kind == kDataMark) any = Pushed::data, link.data_unsent = true;
    if (!m.finished()) continue;
    if (m.header.kind == kBeatMark) link.beating = false;
    link.out.erase(link.out.begin());
  }
  if (!link.socket.flush()) return would_block() ? any : Pushed::failed;
  link.data_unsent = false;
  return any;
}

bool TcpStreams::pull(int peer) {
  Link& link = links_[size_t(peer)];
  bool any = false;
  while (!link.in.empty()) {
    if (link.in_heartbeat >= 0) {
      if (!pull_heartbeat(peer)) return any;
      continue;
    }
    Message& m = link.in.front();
    constexpr int64_t kHeader = sizeof(Header);
    const bool in_header = m.done < kHeader;
    char* const to = in_header ? reinterpret_cast<char*>(&link.arriving) + m.done : m.data + (m.done - kHeader);
    const int64_t missing = in_header ? kHeader - m.done : m.header.bytes - (m.done - kHeader);
    const ssize_t n = link.socket.receive(to, size_t(missing));
    if (n < 0 && would_block()) return any;
    if (n <= 0) throw_lost(peer);
    m.done += n;
    if (m.done == kHeader) check_header(peer);
    if (m.done == 0) continue;  // a heartbeat begins
    any = true;
    link.clock.work(Clock::now());
    if (m.finished()) link.in.erase(link.in.begin());
  }
  return any;
}

void TcpStreams::check_header(int peer) {
  Link& link = links_[size_t(peer)];
  const Header& arrived = link.arriving;
  const Header& expected = link.in.front().header;
  if (arrived.kind == kBeatMark && arrived.bytes == int64_t(sizeof(Heartbeat))) {
    link.in_heartbeat = 0;
    link.in.front().done = 0;
    return;
  }
  if (arrived.kind == kAbortMark) throw_aborted(peer);
  if (arrived.kind != kDataMark || arrived.group != expected.group || arrived.bytes != expected.bytes)
    throw PeerLost(fmt::format("rank {} and rank {} make different calls: {} bytes came where {} were expected", peer,
                               rank_, arrived.bytes, expected.bytes));
}

void TcpStreams::throw_aborted(int peer) {
  const Link& link = links_[size_t(peer)];
  std::string reason(size_t(std::clamp<int64_t>(link.arriving.bytes, 0, kLongestReason)), ' ');
  if (!link.socket.read(reason.data(), reason.size(), in_seconds(kAbortSeconds))) reason = "for a reason that got lost";
  throw PeerLost(fmt::format("rank {} gave up: {}", peer, printable(reason)));
}

// The stream has ended. An abort message, if there is one, gives the reason; heartbeats may come before it.
void TcpStreams::throw_lost(int peer) {
  Link& link = links_[size_t(peer)];
  const Deadline deadline = in_seconds(kLastReadSeconds);
  Heartbeat skipped{};
  if (link.in_heartbeat >= 0) link.socket.read(&skipped, sizeof skipped - size_t(link.in_heartbeat), deadline);
  bool between_messages = link.in.empty() || link.in.front().done == 0;
  while (between_messages && link.socket.read(&link.arriving, sizeof(Header), deadline)) {
    if (link.arriving.kind == kAbortMark) throw_aborted(peer);
    between_messages = link.arriving.kind == kBeatMark && link.socket.read(&skipped, sizeof skipped, deadline);
  }
  throw PeerLost(fmt::format("rank {} has ended, or cannot be reached any more ({})", peer, link.process.text()));
}

void TcpStreams::wait_for_any() const {
  std::vector<pollfd> fds;
  for (const Link& l : links_)
    if (l.owes())
      fds.push_back({l.socket.fd(), short((l.has_output() ? POLLOUT : 0) | (l.in.empty() ? 0 : POLLIN)), 0});
  poll(fds.data(), fds.size(), int(look_ * 1000) + 1);
}

void TcpStreams::send_abort(const std::string& reason) noexcept {
  const std::string text = reason.substr(0, size_t(kLongestReason));
  const Header header{kAbortMark, 0, int64_t(text.size())};
  const std::lock_guard lock(mutex_);  // until the process ends: a heartbeat must not come into the reason
  for (const Link& l : links_)
    if (l.socket && (l.out.empty() || l.out.front().done == 0) &&
        l.socket.write(&header, sizeof header, in_seconds(kAbortSeconds)))
      l.socket.write(text.data(), text.size(), in_seconds(kAbortSeconds));
  settle(kAbortSeconds);
}

}  // namespace skein
