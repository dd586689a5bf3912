// The MPI library's own sum, for `skein bench comm --mpi` to compare with.
#pragma once

#include "comm/communicator.h"

namespace skein {

// All processes of the job, over MPI whatever the environment says of TCP. expected: their number as the launcher gives
// it. BadInput where there is no MPI, or where it counts other processes.
std::unique_ptr<Communicator> join_mpi_job(int expected);

// MPI_Allreduce with MPI_SUM, in an order of summation of its choice. f32; world is of join_mpi_job(). PeerLost with
// MPI's text where it fails.
void mpi_all_reduce(Communicator& world, View data);

}  // namespace skein
