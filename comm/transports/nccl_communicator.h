// Ranks with a GPU each, over NCCL. The library is opened at first use; a build without the CUDA back end has
// comm/transports/no_nccl.cpp instead. Sums keep rank order, so their bits are those of the other transports: the parts of a shard
// are sent to its owner, added there by kernels/all_sum.h, and the sums are sent back. Views may be of the GPU, or of
// host memory, which is staged. Every call is waited for, and while waiting the communicator is asked for errors: a
// rank that died ends the run on the others instead of hanging them.
#pragma once

#include <array>

#include "comm/communicator.h"
#include "kernels/queue.h"

namespace skein {

struct NcclApi;
using NcclId = std::array<char, 128>;  // what the ranks of one communicator have in common

struct NcclOptions {
  double patience = 600;  // seconds to wait for the others before the run is given up
};

const NcclApi& nccl_library();  // BadInput where NCCL is absent: what was tried and the fix
// Made on one rank and brought to the others by their job (comm/process_group.h): over MPI, or over TCP as torchrun starts them.
NcclId make_nccl_id(const NcclApi& api);

// Collective; the calling thread's GPU is the rank's. PeerLost where a rank does not come in time.
std::unique_ptr<Communicator> join_nccl(const NcclApi& api, const NcclId& id, int rank, int size, Queue queue,
                                        NcclOptions options = {});

}  // namespace skein
