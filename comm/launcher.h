// Which process of a distributed run is this? Launchers say so in environment variables, looked for in this order:
//   mpirun of Open MPI   OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_RANK
//   mpiexec of MPICH     PMI_RANK, PMI_SIZE, MPI_LOCALRANKID
//   torchrun             RANK, WORLD_SIZE, LOCAL_RANK
//   srun                 SLURM_PROCID, SLURM_NTASKS, SLURM_LOCALID   (with SLURM_STEP_ID: an sbatch script has the rest
//                        too, without being one of the tasks)
// Without a local rank the rank is taken, as if there were one machine.
#pragma once

#include <cstdint>
#include <functional>

namespace skein {

enum class Launcher : uint8_t { none, open_mpi, pmi, torchrun, slurm };

struct Place {
  Launcher launcher = Launcher::none;
  int rank = 0, size = 1;
  int local_rank = 0;  // among the processes of this machine
  bool operator==(const Place&) const = default;
};

using Lookup = std::function<const char*(const char* name)>;  // null: not set

Place find_place(const Lookup&);  // BadInput names the variable that makes no sense
Place find_place();               // of this process

}  // namespace skein
