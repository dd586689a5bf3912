// Rendezvous of processes at a host and a port. Rank 0 listens there. Every other rank connects, and sends its rank and
// the port on which it listens itself. Rank 0 sends all addresses to all ranks, and each connects to the ranks below
// it. An address that is a loopback for rank 0 is replaced by the one at which rank 0 was reached.
//
// Errors: BadInput where the port is taken, two processes have one rank, or their world sizes differ; PeerLost names
// the ranks that have not come within `timeout` seconds.
#pragma once

#include <vector>

#include "comm/launcher.h"
#include "comm/transports/socket.h"

namespace skein {

// Streams to all ranks, by rank; none to this rank.
std::vector<Socket> rendezvous_over_tcp(const Rendezvous& rendezvous, int rank, int size, double timeout);

}  // namespace skein
