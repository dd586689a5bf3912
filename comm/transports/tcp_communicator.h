// The ranks are processes that find each other at a host and a port (MASTER_ADDR and MASTER_PORT, as torchrun sets
// them) and talk over TCP: training on several machines without MPI, and the way for NCCL's id. A sum is taken in
// pieces, as over MPI: while the parts of a piece travel to the shard's owner, the sums of the piece before travel
// back. A rank that dies is noticed when its stream ends; one that cannot go on says why with abort_tcp(); one that is
// silent for `patience` seconds is named. One thread of a process may call at a time.
#pragma once

#include "comm/communicator.h"
#include "comm/launcher.h"

namespace skein {

struct TcpOptions {
  double rendezvous = 300;    // seconds within which all ranks must have come
  double patience = 1800;     // seconds without any progress; evaluation may keep a rank long
  int64_t piece = 256 << 10;  // floats of a sum that one rank adds up at a time
};

std::unique_ptr<Communicator> join_tcp(const Rendezvous&, int rank, int size, TcpOptions = {});

// Says why on stderr and to the other ranks, and ends this process.
[[noreturn]] void abort_tcp(const Communicator&, const std::string& reason, int status);

}  // namespace skein
