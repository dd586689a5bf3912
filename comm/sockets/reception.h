// The ports on which a rank waits for others. Every connection has to show that it belongs to the run
// (comm/sockets/handshake.h) within 5 s; strangers are dropped, each with a line on stderr. One poll() serves all
// connections, so that none delays another.
//
// Threading: one thread. Errors: RunFailed where no file descriptor is left.
#pragma once

#include <poll.h>

#include <list>
#include <string>
#include <vector>

#include "comm/sockets/handshake.h"

namespace skein {

struct Arrival {
  Socket socket;
  Address from;
  Introduction guest;
};

class Reception {
 public:
  // name: this process's, for messages.
  Reception(std::vector<Socket> listeners, const RunSecret& secret, std::string name)
      : listeners_(std::move(listeners)), secret_(secret), name_(std::move(name)) {}
  ~Reception();
  Reception(const Reception&) = delete;
  Reception& operator=(const Reception&) = delete;

  struct Events {
    std::vector<Arrival> arrivals;  // processes of this run
    std::vector<int> readable;      // of the links: there are bytes, or they have ended
  };
  // Returns at the first event, or at the deadline with none.
  Events wait(const std::vector<Socket>& links, Deadline deadline);

  // The same for a caller with a poll() of its own: adds what is to be polled; then, whatever poll() has found, takes
  // all that has come and does not wait.
  void watch(std::vector<pollfd>& fds) const;
  std::vector<Arrival> serve();

  void drop(const Address& from, const std::string& why);  // says so; the caller closes the connection

 private:
  struct Guest {
    Socket socket;
    Address from;
    Deadline deadline;
    HostHandshake handshake;
    std::string why = {};  // to be dropped for
  };
  void accept_from(const Socket& listener);
  void make_room();
  void serve(Guest& guest) const;
  void collect(std::vector<Arrival>& arrivals);
  int wait_ms(Deadline deadline) const;

  std::vector<Socket> listeners_;
  const RunSecret& secret_;
  const std::string name_;
  std::list<Guest> guests_;  // the oldest first
  int64_t dropped_ = 0;
};

}  // namespace skein
