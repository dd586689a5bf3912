// Ranks over a transport that is given by name, for `skein bench comm`. Training takes the transport from the launcher
// instead (comm/process_group.h).
#pragma once

#include <array>
#include <functional>

#include "base/enum_names.h"
#include "comm/communicator.h"
#include "comm/tls.h"

namespace skein {

enum class Transport : uint8_t { automatic, threads, tcp, mpi, nccl };
constexpr auto names_of(Transport) { return std::array{"auto", "threads", "tcp", "mpi", "nccl"}; }

// auto: threads where this process is alone; under a launcher what training takes on the CPU, TCP or MPI. BadInput
// where the transport needs a launcher and there is none, or the other way round.
Transport resolve(Transport wanted);

// Calls body(communicator) for every rank of this process. Alone, these are `ranks` threads, over shared memory or over
// TCP through the loopback interface. Under a launcher it is one rank of as many as there are processes, and `ranks`
// has no effect. queue: of the rank's views; for nccl, of its GPU. tls: for tcp alone, BadInput with another. Throws
// what a body throws; the other ranks get PeerLost.
void on_ranks(Transport transport, int ranks, Queue queue, const TlsFiles& tls,
              const std::function<void(Communicator&)>& body);

}  // namespace skein
