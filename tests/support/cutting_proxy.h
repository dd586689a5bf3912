// A TCP proxy before one address, for one connection at a time. It ends connections when so many of the server's bytes
// have gone through.
#pragma once

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "comm/elastic/member_address.h"

namespace skein::testing {

class CuttingProxy {
 public:
  // cuts: bytes, of the first connection, the second …; those after them are not cut. before: called before each
  // connection to the server; where it does not answer, the proxy's port refuses from then on.
  CuttingProxy(const std::string& server, std::vector<size_t> cuts, std::function<void(size_t connection)> before = {})
      : server_(*parse_address(server)), cuts_(std::move(cuts)), before_(std::move(before)) {}
  ~CuttingProxy() {
    stop_ = true;
    thread_.join();
  }
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  std::string address() const { return address_; }
  // The server's ends of connections that are cut stay open until end_kept().
  void keep_servers_ends() { keeps_ = true; }
  void end_kept() { keeps_ = false; }
  size_t connections() const { return connections_; }
  size_t bytes() const { return bytes_; }  // of the server's, over all connections

 private:
  void run() {
    while (!stop_) {
      pollfd one{door_.fd(), POLLIN, 0};
      if (poll(&one, 1, kLookMs) <= 0) continue;
      const Socket guest = door_.accept();
      if (!guest) continue;
      if (before_) before_(connections_);
      Socket server = Socket::connected(server_);
      if (!server) door_ = Socket();
      if (server) forward(guest, server, connections_ < cuts_.size() ? cuts_[connections_] : SIZE_MAX);
      if (keeps_) kept_.push_back(std::move(server));
      ++connections_;
    }
  }

  void forward(const Socket& guest, const Socket& server, size_t left) {
    std::string buffer(size_t{1} << 16, '\0');
    while (!stop_ && left > 0) {
      if (!keeps_) kept_.clear();
      pollfd both[2] = {{guest.fd(), POLLIN, 0}, {server.fd(), POLLIN, 0}};
      poll(both, 2, kLookMs);
      const ssize_t up = guest.receive(buffer.data(), buffer.size());
      if (up == 0 || (up < 0 && !would_block())) return;
      if (up > 0 && !server.write(buffer.data(), size_t(up), in_seconds(kPatience))) return;
      const ssize_t down = server.receive(buffer.data(), std::min(buffer.size(), left));
      if (down == 0 || (down < 0 && !would_block())) return;
      if (down < 0) continue;
      bytes_ += size_t(down);
      left -= size_t(down);
      if (!guest.write(buffer.data(), size_t(down), in_seconds(kPatience))) return;
    }
  }

  static constexpr int kLookMs = 10;
  static constexpr double kPatience = 10;
  const Address server_;
  const std::vector<size_t> cuts_;
  const std::function<void(size_t)> before_;
  Socket door_ = Socket::listening(Address::loopback(0));
  const std::string address_ = door_.own_address().text();
  std::vector<Socket> kept_;
  std::atomic<bool> stop_ = false, keeps_ = false;
  std::atomic<size_t> connections_ = 0, bytes_ = 0;
  std::thread thread_{[this] { run(); }};
};

}  // namespace skein::testing
