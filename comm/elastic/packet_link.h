// One connection of an elastic run: packets in and out, without waiting.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "comm/elastic/packet.h"
#include "comm/sockets/socket.h"

namespace skein {

class PacketLink {
 public:
  PacketLink(Socket socket, int64_t state_bytes, int64_t contribution_bytes)
      : socket_(std::move(socket)), reader_(state_bytes, contribution_bytes) {}

  int fd() const { return socket_.fd(); }
  bool has_output() const { return !out_.empty() || socket_.has_unsent(); }
  void send(const Packet& packet) { out_.push_back({header_and_text(packet), packet.payload, 0}); }
  void write();  // as much as the socket takes; a stream that has ended is found by read()

  enum class End : uint8_t {
    open,
    departed,  // the other process has closed it, or is gone
    lost,      // it cannot be reached, or has sent what makes no sense: it may live
  };
  // Adds the packets that are complete. `heard`: whether any bytes have come.
  End read(std::vector<Packet>& to, bool& heard);
  std::optional<PartOfPacket> take_part() { return reader_.take_part(); }  // after the end

 private:
  struct Out {
    std::string head;
    Payload payload;
    size_t done;  // bytes of both
  };
  Socket socket_;
  PacketReader reader_;
  std::deque<Out> out_;
};

}  // namespace skein
