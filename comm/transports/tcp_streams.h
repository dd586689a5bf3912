// Messages between processes over TCP. From one rank to another they arrive in the order in which they were sent, and
// each says how long it is and of which group, so ranks that make different calls are told so instead of mixing bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/transports/socket.h"
#include "kernels/view.h"

namespace skein {

class TcpStreams {
 public:
  // links: by rank. patience: seconds without any progress after which wait() gives up.
  TcpStreams(std::vector<Socket> links, int rank, double patience);

  // Noted now, done by wait(); of an empty view nothing is sent. The memory must stay until then.
  void send(View data, int peer, uint32_t group);
  void receive(View data, int peer, uint32_t group);
  void wait();  // PeerLost names the rank that has ended, is silent, or has given up, with its reason

  void say_goodbye(const std::string& reason) noexcept;  // to all, who hear it when they next wait for this rank
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
    std::vector<Message> out, in;  // under way, in order
    Header arriving{};             // of in.front()
  };

  // Moves what can be moved without waiting; true: something was.
  bool push(int peer);
  bool pull(int peer);
  void check_header(int peer);
  void wait_for_any() const;
  [[noreturn]] void hear_goodbye(int peer);
  [[noreturn]] void lose(int peer);
  [[noreturn]] void lose_patience() const;

  std::vector<Link> links_;
  int rank_;
  double patience_;
};

}  // namespace skein
