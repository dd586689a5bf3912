// Where members listen, and how one is reached.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "comm/launcher.h"
#include "comm/sockets/handshake.h"

namespace skein {

Address with_port(Address address, int port);
std::optional<Address> parse_address(const std::string& text);  // of Address::text()
std::vector<Socket> as_list(Socket socket);

// Listens at any port of the interface; without one at `place`, without both at any port of 127.0.0.1. BadInput where it
// cannot.
Socket door_at(const std::string& interface, const std::optional<Rendezvous>& place);

// A connection to a member of the run whose secret is known, after the handshake.
struct Reached {
  Socket socket = Socket();  // invalid: it does not answer
  bool refused = false;      // nothing listens there: the process has ended
};
Reached reach(const std::string& address, const Introduction& own, const RunSecret& secret, double seconds);

}  // namespace skein
