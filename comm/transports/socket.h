// TCP sockets, owned and non-blocking, with operations that end at a deadline. Errors: return values, unless a comment
// says BadInput. Threading: one thread at a time.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace skein {

using Deadline = std::chrono::steady_clock::time_point;
Deadline in_seconds(double seconds);

struct Address {  // trivially copyable: processes of one kind of machine send it as raw bytes
  sockaddr_storage bytes;
  socklen_t size;

  int family() const { return bytes.ss_family; }
  int port() const;
  void set_port(int port);
  bool is_loopback() const;
};

// The addresses of a host, the preferred one first. Where its name cannot be looked up yet, tries again until the
// deadline. BadInput, with `what` before it, where there is no such host.
std::vector<Address> addresses_of(const std::string& host, int port, const std::string& what, Deadline);

class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Socket();

  // On all interfaces; port 0 is any free one. Invalid where it fails, with the reason in errno.
  static Socket listening(int port, int family);
  static Socket connected(const Address&);  // one attempt; invalid where nothing listens

  explicit operator bool() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  Address own_address() const;
  Address peer_address() const;
  Socket accept(Deadline) const;  // invalid: no connection came

  // False where the other end has closed or the deadline has passed.
  bool read(void* data, size_t bytes, Deadline) const;
  bool write(const void* data, size_t bytes, Deadline) const;

 private:
  int fd_;
};

}  // namespace skein
