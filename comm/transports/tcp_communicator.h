// Ranks that are processes and talk over TCP: training on several machines without MPI, and the way for NCCL's id. They
// find each other at a host and a port (MASTER_ADDR and MASTER_PORT, as torchrun sets them). An all_reduce goes in
// pieces: while the parts of a piece travel to the shard's owner, the sums of the piece before travel back.
//
// Threading: one thread of a process calls at a time. Views are of host memory.
// Errors: PeerLost names the rank whose stream has ended, that has called abort_tcp(), with its reason, or that is lost
// otherwise (comm/transports/tcp_streams.h); also where ranks make different calls. BadInput where the rendezvous makes
// no sense.
// Bit order: the owner of a shard adds the ranks' parts in rank order.
#pragma once

#include "comm/communicator.h"
#include "comm/launcher.h"
#include "comm/secret.h"

namespace skein {

struct TcpOptions {
  double rendezvous_timeout = 300;  // seconds within which all ranks must have come
  double timeout = 300;             // seconds without a sign of life of a rank
  int64_t piece = 256 << 10;        // floats that one rank adds up at a time
  double report_after = 5;          // seconds of waiting after which a rank says what it waits for
  SecretSource secret = {};
  double heartbeat = 1;  // seconds between two
};

std::unique_ptr<Communicator> join_tcp(const Rendezvous&, int rank, int size, TcpOptions = {});

// Prints the reason on stderr, sends it to the other ranks and ends this process.
[[noreturn]] void abort_tcp(const Communicator& world, const std::string& reason, int status);

}  // namespace skein
