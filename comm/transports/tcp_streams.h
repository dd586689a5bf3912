// Messages between processes over TCP. From one rank to another they arrive in the order in which they were sent. Each
// message carries its length and its group, so ranks that make different calls get an error instead of wrong bytes.
//
// Threading: one thread at a time. Sockets do not block; wait() polls all of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/transports/socket.h"
#include "kernels/view.h"

namespace skein {

class TcpStreams {
 public:
  // links: by rank. timeout: seconds without any progress after which wait() throws.
  TcpStreams(std::vector<Socket> links, int rank, double timeout);

  // Queued here, moved by wait(), until which the memory must stay valid. Of an empty view nothing is sent.
  void send(View data, int peer, uint32_t group);
  void receive(View data, int peer, uint32_t group);
  // Returns when all that was queued has been moved. PeerLost names the rank whose stream has ended, that is silent, or
  // that has sent an abort, with its reason.
  void wait();

  // Sends the reason to all ranks, which throw it when they next wait for this rank.
  void send_abort(const std::string& reason) noexcept;
  int rank() const { return rank_; }

 private:
  struct Header {
    uint32_t kind, group;
    int64_t bytes;
  };
  struct Message {
    Header header;
    char* data;
    int64_t done = 0;  // of header and data
    bool finished() const { return done == int64_t(sizeof(Header)) + header.bytes; }
  };
  struct Link {
    Socket socket;
    std::vector<Message> out, in;  // queued, in order
    Header arriving{};             // of in.front()
  };

  // Move what can be moved without waiting; true: at least one byte.
  bool push(int peer);
  bool pull(int peer);
  void check_header(int peer);
  void wait_for_any() const;
  [[noreturn]] void throw_aborted(int peer);
  [[noreturn]] void throw_lost(int peer);
  [[noreturn]] void throw_timed_out() const;

  std::vector<Link> links_;
  int rank_;
  double timeout_;
};

}  // namespace skein
