// Rank 0's part of the rendezvous (comm/sockets/tcp_rendezvous.h).
#pragma once

#include "comm/sockets/tcp_rendezvous.h"

namespace skein {

TcpRanks receive_all_ranks(const Rendezvous& rendezvous, int size, const RendezvousOptions& options);

// "ranks 1 and 3": those other than `rank` that have no link.
std::string missing_ranks(const std::vector<Socket>& links, int rank);

}  // namespace skein
