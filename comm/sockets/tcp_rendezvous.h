// Rendezvous of processes at a host and a port. Rank 0 listens there, at the addresses that the host has, and every
// other rank connects. Both show that they know the run's secret (comm/secret.h, comm/sockets/handshake.h); then the
// rank says on which port it listens itself, at the address from which it came. Rank 0 sends all addresses to all
// ranks, and each connects to the ranks below it. When all have done so, rank 0 lets them go.
//
// A rank that ends before all have come leaves its place to another that is started in its stead; one that ends later
// ends the rendezvous for all, at once. A process that does not fit is refused, and the others go on waiting. A wait
// that is long is reported on stderr.
//
// Errors: BadInput where the port is taken or this process does not fit; PeerLost names the ranks that have not come
// within `timeout` seconds, or that have ended.
#pragma once

#include <vector>

#include "comm/launcher.h"
#include "comm/secret.h"
#include "comm/sockets/handshake.h"
#include "comm/sockets/socket.h"

namespace skein {

struct RendezvousOptions {
  double timeout = 300;     // seconds
  double report_after = 5;  // seconds of waiting
  SecretSource secret = {};
};

struct TcpRanks {
  std::vector<Socket> links;           // to all ranks, by rank; none to this rank
  std::vector<ProcessName> processes;  // of all ranks
};

TcpRanks rendezvous_over_tcp(const Rendezvous& rendezvous, int rank, int size, const RendezvousOptions& options);

}  // namespace skein
