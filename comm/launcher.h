// Which process of a distributed run is this? Launchers say so in environment variables, looked for in this order:
//   mpirun of Open MPI   OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_RANK
//   mpiexec of MPICH     PMI_RANK, PMI_SIZE, MPI_LOCALRANKID
//   torchrun             RANK, WORLD_SIZE, LOCAL_RANK
//   srun                 SLURM_PROCID, SLURM_NTASKS, SLURM_LOCALID   (with SLURM_STEP_ID: an sbatch script has the rest
//                        too, without being one of the tasks)
// Without a local rank the rank is taken, as if there were one machine.
// Processes talk over MPI, or over TCP where MASTER_ADDR and MASTER_PORT say where they meet. torchrun sets both; with
// srun or by hand, export them. Where torchrun's agent has that port itself (TORCHELASTIC_USE_AGENT_STORE) they meet at
// the next one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace skein {

enum class Launcher : uint8_t { none, open_mpi, pmi, torchrun, slurm };

struct RankInfo {
  Launcher launcher = Launcher::none;
  int rank = 0, size = 1;
  int local_rank = 0;  // among the processes of this machine
  bool operator==(const RankInfo&) const = default;
};

using Lookup = std::function<const char*(const char* name)>;  // null: not set

RankInfo rank_from_environment(const Lookup&);  // BadInput names the variable that makes no sense
RankInfo rank_from_environment();               // of this process

struct Rendezvous {
  std::string host;
  int port = 0;
  bool operator==(const Rendezvous&) const = default;
};

// Empty: over MPI. BadInput names the variable that is missing or makes no sense.
std::optional<Rendezvous> tcp_rendezvous(Launcher, const Lookup&);
std::optional<Rendezvous> tcp_rendezvous(Launcher);

}  // namespace skein
