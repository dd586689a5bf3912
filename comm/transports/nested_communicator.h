// Ranks that are threads of several processes: rank p*L + i is thread i of process p, of L in each. The threads of a
// process meet (comm/transports/thread_communicator.h), and its first calls for all of them on a communicator of the
// processes. Bits and Traffic are those of L*P ranks on any other transport; what leaves a process is said in
// comm/ordered_sum.h.
//
// Threading: each rank calls from a thread of its own. Errors: PeerLost where a process is gone; the first thread
// throws it, and the others do once their ThreadGroup is aborted.
// Splits: of the threads of one process, or of whole processes; else CHECK fails.
#pragma once

#include "comm/communicator.h"

namespace skein {

struct NestedShared;

// What the threads of a process share; made once. processes: called by thread 0 only.
std::shared_ptr<NestedShared> share_among_threads(std::unique_ptr<Communicator> processes, int threads);
// `threads`: among the threads of this process, of which the caller is one.
std::unique_ptr<Communicator> join_nested(std::unique_ptr<Communicator> threads, std::shared_ptr<NestedShared> shared,
                                          Queue queue);

}  // namespace skein
