// Starts MPI processes from a test, with mpirun.
#pragma once

#include "tests/support/start_processes.h"

namespace skein::testing {

// Allows more ranks than cores and running as root, and does not need the kernel's permission to read the memory of
// other processes. A ':' among the arguments begins ranks with another command: "-np 2 A : -np 2 B".
inline ProgramOutput mpirun(const std::string& arguments) {
  return shell(
      "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1"
      " OMPI_MCA_btl_vader_single_copy_mechanism=none ASAN_OPTIONS=detect_leaks=0 timeout 300 mpirun " +
      arguments);
}

inline bool can_run_mpi() {
  return shell("command -v mpirun").status == 0 &&
         std::filesystem::exists(std::filesystem::path(kSkein).parent_path() / "libskein_mpi.so");
}

// Starts the ranks and sends rank 2 a signal as soon as ready() holds.
inline ProgramOutput mpirun_and_signal(const std::string& arguments, const std::string& argument, int signal,
                                       const std::function<bool()>& ready) {
  return start_and_signal([&] { return mpirun(arguments); }, argument, signal, ready);
}

}  // namespace skein::testing
