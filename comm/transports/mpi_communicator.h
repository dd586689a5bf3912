// Ranks that are processes and talk over MPI. An all_reduce goes in pieces that stay in the cache: every rank's part of
// a piece goes to the shard's owner, which sends the sum back while the next piece arrives.
//
// Threading: one thread of a process calls at a time. Views are of host memory.
// Errors: PeerLost with MPI's own text where a call fails, or with the rank that is silent for `timeout` seconds. A
// rank that cannot go on must call abort_mpi(). mpirun notices a rank that is killed and ends the others.
// Bit order: the owner of a shard adds the ranks' parts in rank order, whatever MPI's own order of summation.
#pragma once

#include "comm/communicator.h"
#include "comm/transports/mpi_api.h"

namespace skein {

struct MpiOptions {
  double timeout = 1800;               // seconds without any progress; an evaluation may keep a rank long
  int64_t piece = 256 << 10;           // floats that one rank adds up at a time
  int64_t message = int64_t{1} << 30;  // bytes of the longest message; MPI counts to 2^31
  double report_after = 5;             // seconds of waiting after which a rank says what it waits for
};

std::string mpi_module();     // the file that holds skein's use of MPI; it is there if skein was built with MPI
const MpiApi& mpi_library();  // opened at first use; BadInput where there is none

// All processes of the job. `expected`: their number as the launcher gives it (0: unknown); BadInput where MPI's
// differs, as it does when mpirun and the library are of different MPIs. MPI ends when the last communicator is
// destroyed.
std::unique_ptr<Communicator> join_mpi(const MpiApi&, int expected = 0, MpiOptions = {});

// Prints the reason on stderr and ends every process of the job.
void abort_mpi(const Communicator& world, const std::string& reason, int status);

}  // namespace skein
