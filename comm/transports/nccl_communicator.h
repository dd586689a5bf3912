// Ranks with a GPU each, over NCCL. The library is opened at first use; a build without the CUDA back end has
// comm/transports/no_nccl.cpp instead.
//
// Threading: one thread at a time, the one whose current GPU is the rank's. Views are of the GPU, or of host memory,
// which is staged. A call waits for the rank's stream.
// Errors: PeerLost with NCCL's text where a call fails or NCCL reports a rank that has died, which is asked for while
// waiting, or where a call is not done after `timeout` seconds.
// Bit order: the parts of a shard are sent to its owner, added there in rank order (kernels/all_sum.h), and the sum is
// sent back, so the bits are those of the other transports.
#pragma once

#include <array>

#include "comm/communicator.h"

namespace skein {

struct NcclApi;
using NcclId = std::array<char, 128>;  // the same on all ranks of one communicator

struct NcclOptions {
  double timeout = 600;  // seconds
};

const NcclApi& nccl_library();  // BadInput where NCCL is absent: the paths tried and the fix
// Made on one rank and sent to the other ranks by their process group (comm/process_group.h).
NcclId make_nccl_id(const NcclApi& api);

// Collective; the calling thread's GPU is the rank's.
std::unique_ptr<Communicator> join_nccl(const NcclApi& api, const NcclId& id, int rank, int size, Queue queue,
                                        NcclOptions options = {});

}  // namespace skein
