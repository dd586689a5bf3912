#include <dlfcn.h>

#include <filesystem>

#include "base/check.h"
#include "base/library.h"
#include "comm/transports/mpi_communicator.h"

namespace skein {

std::string mpi_module() { return module_path("libskein_mpi.so"); }

const MpiApi& mpi_library() {
  const std::string file = mpi_module();
  if (!std::filesystem::exists(file))
    throw BadInput(
        "there is no {}: this skein was built without MPI; install libopenmpi-dev and build again, set MASTER_ADDR and "
        "MASTER_PORT for all processes and they meet there over TCP, or use --workers K",
        file);
  // RTLD_GLOBAL: Open MPI's plugins resolve its symbols globally. Never closed: MPI cannot be loaded a second time.
  void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (!library) throw BadInput("MPI cannot be loaded: {}; install openmpi-bin, or use --workers K", dlerror());
  const auto api = reinterpret_cast<MpiApiFunction*>(dlsym(library, "skein_mpi_api"));
  CHECK(api, "{} has no skein_mpi_api", file);
  return *api();
}

}  // namespace skein
