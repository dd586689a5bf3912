#include "tests/support/rank_main.h"

#include <omp.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "base/check.h"
#include "comm/launcher.h"
#include "comm/transports/mpi_communicator.h"
#include "comm/transports/tcp_communicator.h"
#include "tests/support/communicator_script.h"
#include "tests/support/training_grid.h"

namespace skein::testing {
namespace {

void write(const std::string& path, const std::vector<float>& x) {
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(x.data()), std::streamsize(x.size() * 4));
}

void run(const std::string& mode, const std::string& dir, Communicator& world) {
  std::vector<float> x(world.rank() == 2 && mode == "short" ? 400 : 1000), all(x.size() * size_t(world.size()));
  if (mode == "script") return write(fmt::format("{}/{}", dir, world.rank()), run_script(world));
  if (world.rank() == 2) {
    if (mode == "throw") throw RunFailed("the disk is full");
    if (mode == "kill") std::raise(SIGKILL);
    if (mode == "silent") std::this_thread::sleep_for(std::chrono::seconds(30));
  }
  if (mode == "short") world.all_gather(view_of(x), view_of(all));
  world.all_reduce(view_of(x));
}

int train_grid(const std::string& dir, bool all, bool resumed) {
  ProcessGroup group = ProcessGroup::join();
  std::ofstream out(fmt::format("{}/{}", dir, group.rank()));
  const auto lines =
      train_to_lines(group, all ? all_configurations() : few_configurations(), resumed ? dir + "/checkpoint" : "");
  for (const std::string& line : lines) out << line << "\n";
  return 0;
}

}  // namespace

int rank_main(const std::string& mode, const std::string& dir) {
  if (mode.ends_with("grid")) return train_grid(dir, mode == "grid", mode == "resumed-grid");
  omp_set_num_threads(1);
  const double timeout = mode == "silent" ? 1 : 60;
  constexpr int64_t kPiece = 1000, kMessage = 3000;  // so that small data make many pieces and messages
  const RankInfo place = rank_from_environment();
  const auto rendezvous = tcp_rendezvous(place.launcher);
  TcpOptions options{20, timeout, kPiece};
  if (mode == "silent") options.heartbeat = 100;
  const auto world = rendezvous ? join_tcp(*rendezvous, place.rank, place.size, options)
                                : join_mpi(mpi_library(), place.size, {timeout, kPiece, kMessage});
  try {
    run(mode, dir, *world);
  } catch (const std::exception& e) {
    if (rendezvous) abort_tcp(*world, e.what(), 3);
    abort_mpi(*world, e.what(), 3);
  }
  return 0;
}

}  // namespace skein::testing
