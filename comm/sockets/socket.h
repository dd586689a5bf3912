// TCP sockets, owned and non-blocking, with operations that end at a deadline. After encrypt() their bytes go through
// TLS (comm/tls.h). Errors: return values, unless a comment says BadInput. Threading: one thread at a time.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "comm/tls.h"

namespace skein {

using Deadline = std::chrono::steady_clock::time_point;
Deadline in_seconds(double seconds);

struct Address {  // trivially copyable: processes of one kind of machine send it as raw bytes
  sockaddr_storage bytes;
  socklen_t size;

  static Address loopback(int port);  // 127.0.0.1
  int family() const { return bytes.ss_family; }
  int port() const;
  void set_port(int port);
  bool is_loopback() const;
  std::string text() const;  // "10.0.0.3:29500", "[::1]:29500"
};

// The addresses of a host, the preferred one first, loopback ones last. Where its name cannot be looked up yet, tries
// again until the deadline. BadInput, with `what` before it, where there is no such host.
std::vector<Address> addresses_of(const std::string& host, int port, const std::string& what, Deadline);

bool would_block();  // by errno: the last call on a socket has only found nothing to do

class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)), tls_(std::move(other.tls_)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(tls_, other.tls_);
    return *this;
  }
  ~Socket();

  // At one address of this machine; port 0 is any free one. Invalid where it fails, with the reason in errno.
  static Socket listening(const Address& own);
  static Socket connected(const Address&);  // one attempt; invalid where nothing listens

  explicit operator bool() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  Address own_address() const;
  Address peer_address() const;
  Socket accept() const;  // does not wait; invalid: none is there, or errno says why it cannot be accepted
  // For how long the other machine has acknowledged nothing, although something was sent to it; 0: nothing is due.
  double unacknowledged_seconds() const;
  bool has_ended() const;  // the other end has closed, or cannot be reached; what has come before is not read

  // False where the other end has closed or the deadline has passed. `meanwhile` is called once a second.
  using Meanwhile = std::function<void()>;
  bool read(void* data, size_t bytes, Deadline, const Meanwhile& meanwhile = {}) const;
  bool write(const void* data, size_t bytes, Deadline) const;

  // As recv() and sendmsg(), without waiting: -1 and would_block() where there is nothing to do now. Of what an
  // encrypted socket has taken, a part may be left unsent until the next call; flush() sends what can be sent.
  ssize_t receive(void* data, size_t bytes) const;
  ssize_t peek(void* data, size_t bytes) const;
  ssize_t send(const iovec* parts, int count) const;
  bool has_unsent() const { return tls_ && tls_->has_unsent(); }
  bool flush() const { return !tls_ || tls_->flush(); }  // false: not all of it, errno says why

  // Before the first byte.
  void encrypt(const TlsContext& context, TlsSession::Side side);
  // Of the guest; nothing to do on a socket that is not encrypted. False where it fails or the deadline has passed.
  bool shake_hands(Deadline, const Meanwhile& meanwhile = {}) const;
  std::string channel_binding() const { return tls_ ? tls_->channel_binding() : ""; }
  std::string tls_failure() const { return tls_ ? tls_->failure() : ""; }   // empty: none
  bool met_other_bytes() const { return tls_ && tls_->met_other_bytes(); }  // than TLS

 private:
  int fd_;
  std::unique_ptr<TlsSession> tls_;
};

}  // namespace skein
