// Rank of this process in a distributed run, as its launcher gives it in environment variables. Launchers in the order
// in which they are tried:
//
//   mpirun of Open MPI   OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_RANK
//   mpiexec of MPICH     PMI_RANK, PMI_SIZE, MPI_LOCALRANKID
//   torchrun             RANK, WORLD_SIZE, LOCAL_RANK
//   srun                 SLURM_PROCID, SLURM_NTASKS, SLURM_LOCALID   (only with SLURM_STEP_ID: an sbatch script has the
//                        other variables, too, without being one of the tasks)
//
// Without a local rank the rank is taken, as on a single machine.
// Processes talk over TCP where MASTER_ADDR and MASTER_PORT give a rendezvous, else over MPI. torchrun sets both; with
// srun or by hand, export them. Where torchrun's agent uses that port itself (TORCHELASTIC_USE_AGENT_STORE), the
// rendezvous is at the next port.
// Errors: BadInput names the variable that is missing or makes no sense.
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

RankInfo rank_from_environment(const Lookup&);
RankInfo rank_from_environment();  // with this process's environment

struct Rendezvous {
  std::string host;
  int port = 0;
  bool operator==(const Rendezvous&) const = default;
};

// Empty: over MPI.
std::optional<Rendezvous> tcp_rendezvous(Launcher, const Lookup&);
std::optional<Rendezvous> tcp_rendezvous(Launcher);

}  // namespace skein
