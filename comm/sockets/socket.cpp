#include "comm/sockets/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "base/check.h"

namespace skein {
namespace {

using Clock = std::chrono::steady_clock;

constexpr timeval kConnect{5, 0};  // a limit for connect() too, on Linux
constexpr int kWaiting = 4096;     // connections that are not accepted yet

void set(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); }

// Small messages leave at once. Keep-alive probes notice a dead machine within a minute even when nothing is sent to
// it.
void prepare(int fd) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

bool wait_for(int fd, short events, Deadline deadline, const Socket::Meanwhile& meanwhile) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left < 0) return false;
    pollfd one{fd, events, 0};
    const int ready = poll(&one, 1, int(std::min<int64_t>(left + 1, 1000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
    if (meanwhile) meanwhile();
  }
}

template <class Step>
bool transfer(int fd, size_t bytes, short events, Deadline deadline, const Socket::Meanwhile& meanwhile, Step&& step) {
  for (size_t done = 0; done < bytes;) {
    const ssize_t n = step(done);
    if (n > 0)
      done += size_t(n);
    else if (n == 0 || !would_block() || !wait_for(fd, events, deadline, meanwhile))
      return false;
  }
  return true;
}

sockaddr* generic(Address& a) { return reinterpret_cast<sockaddr*>(&a.bytes); }

}  // namespace

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

Deadline in_seconds(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

int Address::port() const {
  const bool six = family() == AF_INET6;
  return ntohs(six ? reinterpret_cast<const sockaddr_in6&>(bytes).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(bytes).sin_port);
}

void Address::set_port(int port) {
  const bool six = family() == AF_INET6;
  (six ? reinterpret_cast<sockaddr_in6&>(bytes).sin6_port : reinterpret_cast<sockaddr_in&>(bytes).sin_port) =
      htons(uint16_t(port));
}

bool Address::is_loopback() const {
  constexpr uint32_t kNet = 127, kShift = 24;
  const auto four = [](uint32_t a) { return ntohl(a) >> kShift == kNet; };
  if (family() == AF_INET) return four(reinterpret_cast<const sockaddr_in&>(bytes).sin_addr.s_addr);
  const in6_addr& six = reinterpret_cast<const sockaddr_in6&>(bytes).sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && four(six.s6_addr32[3]));
}

Address Address::loopback(int port) {
  Address a{};
  auto& four = reinterpret_cast<sockaddr_in&>(a.bytes);
  four.sin_family = AF_INET;
  four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  a.size = sizeof four;
  a.set_port(port);
  return a;
}

std::string Address::text() const {
  Address copy = *this;
  char host[NI_MAXHOST] = "an unknown address";
  getnameinfo(generic(copy), size, host, sizeof host, nullptr, 0, NI_NUMERICHOST);
  return family() == AF_INET6 ? fmt::format("[{}]:{}", host, port()) : fmt::format("{}:{}", host, port());
}

std::vector<Address> addresses_of(const std::string& host, int port, const std::string& what, Deadline deadline) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  int error = 0;
  while ((error = getaddrinfo(host.c_str(), nullptr, &hints, &found)) == EAI_AGAIN && Clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  if (error != 0) throw BadInput("{}: there is no host '{}': {}", what, host, gai_strerror(error));
  std::vector<Address> all;
  for (const addrinfo* a = found; a; a = a->ai_next) {
    Address address{};
    std::memcpy(&address.bytes, a->ai_addr, a->ai_addrlen);
    address.size = a->ai_addrlen;
    address.set_port(port);
    all.push_back(address);
  }
  freeaddrinfo(found);
  std::stable_partition(all.begin(), all.end(), [](const Address& a) { return !a.is_loopback(); });
  return all;
}

Socket::~Socket() {
  if (fd_ >= 0) close(fd_);
}

Socket Socket::listening(const Address& own) {
  Socket s(socket(own.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!s) return s;
  set(s.fd(), SOL_SOCKET, SO_REUSEADDR, 1);  // a run that has just ended leaves the port in TIME_WAIT
  if (own.family() == AF_INET6) set(s.fd(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  Address at = own;
  if (bind(s.fd(), generic(at), at.size) != 0 || ::listen(s.fd(), kWaiting) != 0) return Socket();
  prepare(s.fd());
  return s;
}

Socket Socket::connected(const Address& address) {
  Socket s(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!s) return s;
  setsockopt(s.fd(), SOL_SOCKET, SO_SNDTIMEO, &kConnect, sizeof kConnect);
  Address to = address;
  if (connect(s.fd(), generic(to), to.size) != 0) return Socket();
  // A port from which the kernel also takes those of outgoing connections can be connected to itself.
  if (s.own_address().text() == s.peer_address().text()) return Socket();
  prepare(s.fd());
  return s;
}

Address Socket::own_address() const {
  Address a{};
  a.size = sizeof a.bytes;
  getsockname(fd_, generic(a), &a.size);
  return a;
}

Address Socket::peer_address() const {
  Address a{};
  a.size = sizeof a.bytes;
  getpeername(fd_, generic(a), &a.size);
  return a;
}

Socket Socket::accept() const {
  Socket s(accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC));
  if (s) prepare(s.fd());
  return s;
}

// A window that the other side has closed is probed, and the probes are acknowledged. TCP_USER_TIMEOUT would end such a
// stream, whose reader is only busy.
double Socket::unacknowledged_seconds() const {
  constexpr int kTries = 3;  // one may be on its way, and after a pause the last acknowledgement is old
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  const bool due = info.tcpi_retransmits >= kTries || info.tcpi_probes >= kTries;
  return due ? double(info.tcpi_last_ack_recv) * 1e-3 : 0;
}

bool Socket::has_ended() const {
  pollfd one{fd_, POLLRDHUP, 0};
  return poll(&one, 1, 0) > 0 && (one.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

bool Socket::read(void* data, size_t bytes, Deadline deadline, const Meanwhile& meanwhile) const {
  return transfer(fd_, bytes, POLLIN, deadline, meanwhile,
                  [&](size_t done) { return receive(static_cast<char*>(data) + done, bytes - done); });
}

bool Socket::write(const void* data, size_t bytes, Deadline deadline) const {
  const auto send_from = [&](size_t done) {
    const iovec rest{const_cast<char*>(static_cast<const char*>(data)) + done, bytes - done};
    return send(&rest, 1);
  };
  if (!transfer(fd_, bytes, POLLOUT, deadline, {}, send_from)) return false;
  while (!flush())
    if (!would_block() || !wait_for(fd_, POLLOUT, deadline, {})) return false;
  return true;
}

ssize_t Socket::receive(void* data, size_t bytes) const {
  return tls_ ? tls_->receive(data, bytes) : recv(fd_, data, bytes, 0);
}

ssize_t Socket::peek(void* data, size_t bytes) const {
  return tls_ ? tls_->receive(data, bytes, true) : recv(fd_, data, bytes, MSG_PEEK);
}

ssize_t Socket::send(const iovec* parts, int count) const {
  if (tls_) return tls_->send(parts, count);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);
  message.msg_iovlen = size_t(count);
  return sendmsg(fd_, &message, MSG_NOSIGNAL);
}

void Socket::encrypt(const TlsContext& context, TlsSession::Side side) {
  tls_ = std::make_unique<TlsSession>(context, fd_, side);
}

bool Socket::shake_hands(Deadline deadline, const Meanwhile& meanwhile) const {
  for (;;) {
    const TlsSession::Step step = tls_ ? tls_->shake_hands() : TlsSession::Step::done;
    if (step != TlsSession::Step::wants_input) return step == TlsSession::Step::done;
    if (!wait_for(fd_, POLLIN, deadline, meanwhile)) return false;
  }
}

}  // namespace skein
