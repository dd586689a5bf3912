#include "comm/launcher.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string_view>

#include "base/check.h"

namespace skein {
namespace {

struct Names {
  Launcher launcher;
  const char *rank, *size, *local_rank;
  const char* only_with;  // null: nothing
};
constexpr Names kNames[] = {
    {Launcher::open_mpi, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", nullptr},
    {Launcher::pmi, "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", nullptr},
    {Launcher::torchrun, "RANK", "WORLD_SIZE", "LOCAL_RANK", nullptr},
    {Launcher::slurm, "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_STEP_ID"}};

int number(const char* name, const char* text, int below) {
  int value = 0;
  const char* const end = text + std::strlen(text);
  const auto [last, error] = std::from_chars(text, end, value);
  if (error != std::errc() || last != end || value < 0)
    throw BadInput("the environment variable {} is '{}', not a number from 0 on", name, text);
  if (value >= below)
    throw BadInput("the environment variable {} is {}, but there are {} processes", name, value, below);
  return value;
}

constexpr int kPorts = 65536;

int port_number(const char* text) {
  int value = 0;
  const char* const end = text + std::strlen(text);
  const auto [last, error] = std::from_chars(text, end, value);
  if (error != std::errc() || last != end || value < 1 || value >= kPorts)
    throw BadInput("the environment variable MASTER_PORT is '{}', not a port from 1 to {}", text, kPorts - 1);
  return value;
}

const char* own_variable(const char* name) { return std::getenv(name); }

const char* required(const Lookup& lookup, const char* name, const char* because) {
  const char* const text = lookup(name);
  if (!text) throw BadInput("the environment variable {} is set, but {} is not", because, name);
  return text;
}

}  // namespace

RankInfo rank_from_environment(const Lookup& lookup) {
  for (const Names& names : kNames) {
    if (names.only_with && !lookup(names.only_with)) continue;
    if (!lookup(names.rank) && !lookup(names.size)) continue;
    RankInfo own{names.launcher};
    own.size = number(names.size, required(lookup, names.size, names.rank), std::numeric_limits<int>::max());
    if (own.size == 0) throw BadInput("the environment variable {} is 0", names.size);
    own.rank = number(names.rank, required(lookup, names.rank, names.size), own.size);
    const char* const local = lookup(names.local_rank);
    own.local_rank = local ? number(names.local_rank, local, own.size) : own.rank;
    return own;
  }
  return {};
}

RankInfo rank_from_environment() { return rank_from_environment(own_variable); }

std::optional<Rendezvous> tcp_rendezvous(Launcher launcher, const Lookup& lookup) {
  const char *const host = lookup("MASTER_ADDR"), *const port = lookup("MASTER_PORT");
  if (!host && !port && launcher != Launcher::torchrun) return {};
  if (!host || !port)
    throw BadInput(
        "the environment variable {} is not set, but {} is: the processes meet at the host MASTER_ADDR, rank 0's, and "
        "the port MASTER_PORT. Set both alike for all of them",
        host ? "MASTER_PORT" : "MASTER_ADDR", host || port ? (host ? "MASTER_ADDR" : "MASTER_PORT") : "RANK");
  const char* const agent = lookup("TORCHELASTIC_USE_AGENT_STORE");
  const bool taken = agent && std::string_view(agent) == "True";
  const int own = port_number(port) + (taken ? 1 : 0);
  if (own >= kPorts)
    throw BadInput(
        "the environment variable MASTER_PORT is {}, which torchrun's agent uses itself, and there is no next port. "
        "Give "
        "torchrun a lower --master-port",
        port);
  return Rendezvous{host, own};
}

std::optional<Rendezvous> tcp_rendezvous(Launcher launcher) { return tcp_rendezvous(launcher, own_variable); }

}  // namespace skein
