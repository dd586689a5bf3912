// The ranks are processes that talk through MPI. A sum is taken in pieces that stay in the cache: everybody's part of a
// piece goes to the shard's owner, who adds them in rank order and sends the sum back while the next piece arrives.
// A rank that cannot go on must call abort_mpi(); one that is killed is noticed by mpirun, which ends the others. A
// rank that is silent for `patience` seconds is named in a PeerLost. One thread of a process may call at a time.
#pragma once

#include "comm/communicator.h"
#include "comm/transports/mpi_api.h"

namespace skein {

struct MpiOptions {
  double patience = 1800;              // seconds without any progress; evaluation may keep a rank long
  int64_t piece = 256 << 10;           // floats of a sum that one rank adds up at a time
  int64_t message = int64_t{1} << 30;  // bytes; MPI counts to 2^31
};

const MpiApi& mpi_library();  // opens it; BadInput where there is none

// All processes of the job. `expected`: how many the launcher says there are (0: it does not say); another number means
// that mpirun and the library are of different MPIs. When the last communicator goes, so does MPI.
std::unique_ptr<Communicator> join_mpi(const MpiApi&, int expected = 0, MpiOptions = {});

// Says why on stderr and ends every process of the job.
void abort_mpi(const MpiApi&, const Communicator& world, const std::string& reason, int status);

// MPI_Allreduce over all processes, whatever its order of summation: for `skein bench comm`.
void all_reduce_of_mpi(const MpiApi&, Communicator& world, View data);

}  // namespace skein
