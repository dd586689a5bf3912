#include "comm/elastic/packet_link.h"

#include <cerrno>

namespace skein {

void PacketLink::write() {
  while (!out_.empty()) {
    Out& o = out_.front();
    const bool in_head = o.done < o.head.size();
    const std::string& part = in_head ? o.head : *o.payload;
    const size_t at = in_head ? o.done : o.done - o.head.size();
    const iovec rest{const_cast<char*>(part.data()) + at, part.size() - at};
    const ssize_t n = socket_.send(&rest, 1);
    if (n <= 0) return;
    o.done += size_t(n);
    if (o.done == o.head.size() + (o.payload ? o.payload->size() : 0)) out_.pop_front();
  }
  socket_.flush();
}

PacketLink::End PacketLink::read(std::vector<Packet>& to, bool& heard) {
  for (;;) {
    const ssize_t n = socket_.receive(reader_.room(), reader_.missing());
    if (n == 0) return End::departed;
    if (n < 0 && would_block()) return End::open;
    if (n < 0) return errno == ECONNRESET || errno == EPIPE ? End::departed : End::lost;
    heard = true;
    if (reader_.advance(size_t(n))) to.push_back(reader_.take());
    if (reader_.broken()) return End::lost;
  }
}

}  // namespace skein
