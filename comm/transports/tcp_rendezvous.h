// How processes that know a host and a port find each other: rank 0 listens there, the others come and say who they
// are and where they listen themselves, rank 0 tells all of them all places, and each connects to the ranks below it.
// A rank that rank 0 sees at a loopback address is reached by the others where they have reached rank 0.
#pragma once

#include <vector>

#include "comm/launcher.h"
#include "comm/transports/socket.h"

namespace skein {

// Streams to all ranks, by rank; none to itself. BadInput where the port is taken or two processes are one rank;
// PeerLost, naming who is missing, where not all have come within `patience` seconds.
std::vector<Socket> rendezvous_over_tcp(const Rendezvous& rendezvous, int rank, int size, double patience);

}  // namespace skein
