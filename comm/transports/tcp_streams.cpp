#include "comm/transports/tcp_streams.h"

#include <poll.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "base/terminal/printable.h"
#include "comm/communicator.h"

namespace skein {
namespace {

using Clock = std::chrono::steady_clock;
constexpr uint32_t kDataMark = 0x736b6431, kAbortMark = 0x736b6231;
constexpr int64_t kLongestReason = 4096;
constexpr int kPollMs = 1000;              // milliseconds of one poll(), after which wait() checks the timeout
constexpr double kAbortSeconds = 1;        // that sending or receiving the reason of an abort may take
constexpr double kLastReadSeconds = 0.25;  // to wait for the abort message of a rank whose stream has ended

bool again() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

TcpStreams::TcpStreams(std::vector<Socket> links, int rank, double timeout) : rank_(rank), timeout_(timeout) {
  for (Socket& s : links) links_.push_back({std::move(s), {}, {}});
}

void TcpStreams::send(View v, int peer, uint32_t group) {
  if (v.bytes() > 0) links_[size_t(peer)].out.push_back({{kDataMark, group, int64_t(v.bytes())}, v.as<char>()});
}

void TcpStreams::receive(View v, int peer, uint32_t group) {
  if (v.bytes() > 0) links_[size_t(peer)].in.push_back({{kDataMark, group, int64_t(v.bytes())}, v.as<char>()});
}

void TcpStreams::wait() {
  const auto open = [](const Link& l) { return !l.out.empty() || !l.in.empty(); };
  auto moved = Clock::now();
  while (std::any_of(links_.begin(), links_.end(), open)) {
    bool any = false;
    for (int r = 0; r < int(links_.size()); ++r) {
      any |= push(r);
      any |= pull(r);
    }
    if (any)
      moved = Clock::now();
    else if (std::chrono::duration<double>(Clock::now() - moved).count() > timeout_)
      throw_timed_out();
    else
      wait_for_any();
  }
}

bool TcpStreams::push(int peer) {
  Link& link = links_[size_t(peer)];
  bool any = false;
  while (!link.out.empty()) {
    Message& m = link.out.front();
    constexpr int64_t kHeader = sizeof(Header);
    const int64_t of_header = std::min(m.done, kHeader), of_data = m.done - of_header;
    iovec parts[2] = {{reinterpret_cast<char*>(&m.header) + of_header, size_t(kHeader - of_header)},
                      {m.data + of_data, size_t(m.header.bytes - of_data)}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    const ssize_t n = sendmsg(link.socket.fd(), &message, MSG_NOSIGNAL);
    if (n < 0 && again()) return any;
    if (n < 0) throw_lost(peer);
    any = true;
    m.done += n;
    if (m.finished()) link.out.erase(link.out.begin());
  }
  return any;
}

bool TcpStreams::pull(int peer) {
  Link& link = links_[size_t(peer)];
  bool any = false;
  while (!link.in.empty()) {
    Message& m = link.in.front();
    constexpr int64_t kHeader = sizeof(Header);
    const bool in_header = m.done < kHeader;
    char* const to = in_header ? reinterpret_cast<char*>(&link.arriving) + m.done : m.data + (m.done - kHeader);
    const int64_t missing = in_header ? kHeader - m.done : m.header.bytes - (m.done - kHeader);
    const ssize_t n = recv(link.socket.fd(), to, size_t(missing), 0);
    if (n < 0 && again()) return any;
    if (n <= 0) throw_lost(peer);
    any = true;
    m.done += n;
    if (m.done == kHeader) check_header(peer);
    if (m.finished()) link.in.erase(link.in.begin());
  }
  return any;
}

void TcpStreams::check_header(int peer) {
  const Header& arrived = links_[size_t(peer)].arriving;
  const Header& expected = links_[size_t(peer)].in.front().header;
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

// The stream has ended. An abort message, if there is one, gives the reason.
void TcpStreams::throw_lost(int peer) {
  Link& link = links_[size_t(peer)];
  const bool between_messages = link.in.empty() || link.in.front().done == 0;
  if (between_messages && link.socket.read(&link.arriving, sizeof(Header), in_seconds(kLastReadSeconds)) &&
      link.arriving.kind == kAbortMark)
    throw_aborted(peer);
  throw PeerLost(fmt::format("rank {} has ended, or cannot be reached any more", peer));
}

void TcpStreams::wait_for_any() const {
  std::vector<pollfd> fds;
  for (const Link& l : links_)
    if (!l.out.empty() || !l.in.empty())
      fds.push_back({l.socket.fd(), short((l.out.empty() ? 0 : POLLOUT) | (l.in.empty() ? 0 : POLLIN)), 0});
  poll(fds.data(), fds.size(), std::min(kPollMs, int(timeout_ * 1000) + 1));
}

void TcpStreams::throw_timed_out() const {
  const auto to_receive = std::find_if(links_.begin(), links_.end(), [](const Link& l) { return !l.in.empty(); });
  const auto to_send = std::find_if(links_.begin(), links_.end(), [](const Link& l) { return !l.out.empty(); });
  throw PeerLost(fmt::format("rank {} has not answered for {} s",
                             (to_receive != links_.end() ? to_receive : to_send) - links_.begin(), timeout_));
}

void TcpStreams::send_abort(const std::string& reason) noexcept {
  const std::string text = reason.substr(0, size_t(kLongestReason));
  const Header header{kAbortMark, 0, int64_t(text.size())};
  for (const Link& l : links_)
    if (l.socket && (l.out.empty() || l.out.front().done == 0) &&
        l.socket.write(&header, sizeof header, in_seconds(kAbortSeconds)))
      l.socket.write(text.data(), text.size(), in_seconds(kAbortSeconds));
}

}  // namespace skein
