// Starting MPI processes from a test, and finding one of them.
#pragma once

#include <csignal>
#include <functional>
#include <future>
#include <optional>
#include <thread>

#include "tests/run_binary.h"

namespace skein::testing {

// Ranks on however few cores, as root too, without the kernel's permission to read each other's memory. A ':' among the
// arguments begins ranks that are started otherwise: "-np 2 A : -np 2 B".
inline Output mpirun(const std::string& arguments) {
  return shell(
      "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1"
      " OMPI_MCA_btl_vader_single_copy_mechanism=none ASAN_OPTIONS=detect_leaks=0 timeout 300 mpirun " +
      arguments);
}

inline bool can_run_mpi() {
  return shell("command -v mpirun").status == 0 &&
         std::filesystem::exists(std::filesystem::path(SKEIN_BINARY).parent_path() / "libskein_mpi.so");
}

// The process that was started with `argument` as rank `rank`.
inline std::optional<pid_t> pid_of_rank(const std::string& argument, int rank) {
  const std::string place = fmt::format("OMPI_COMM_WORLD_RANK={}", rank) + '\0';
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (read_file(entry.path() / "cmdline").find(argument) != std::string::npos &&
        read_file(entry.path() / "environ").find(place) != std::string::npos)
      return pid_t(std::stol(name));
  }
  return {};
}

// Starts the ranks, sends rank 2 a signal as soon as ready() holds, and returns when all have ended.
inline Output mpirun_and_signal(const std::string& arguments, const std::string& argument, int signal,
                                const std::function<bool()>& ready) {
  auto output = std::async(std::launch::async, [&] { return mpirun(arguments); });
  const auto ended = [&] { return output.wait_for(std::chrono::milliseconds(20)) == std::future_status::ready; };
  while (!ready() && !ended()) continue;
  const auto pid = pid_of_rank(argument, 2);
  EXPECT_TRUE(pid) << "rank 2 is gone";
  if (pid) kill(*pid, signal);
  return output.get();
}

}  // namespace skein::testing
