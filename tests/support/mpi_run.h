// Starting MPI processes from a test.
#pragma once

#include "tests/support/processes.h"

namespace skein::testing {

// Ranks on however few cores, as root too, without the kernel's permission to read each other's memory. A ':' among the
// arguments begins ranks that are started otherwise: "-np 2 A : -np 2 B".
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
