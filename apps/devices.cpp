// skein devices: what there is to compute on.
#include <fmt/format.h>
#include <omp.h>

#include "apps/commands.h"
#include "apps/machine.h"
#include "kernels/conv.h"
#include "kernels/runtime.h"

namespace skein {
namespace {

void devices() {
  const Processor p = processor();
  fmt::print("cpu   {}\n", p.name);
  fmt::print("      {} cores, {} threads, {}\n", p.cores, omp_get_max_threads(), fmt::join(p.instruction_sets, " "));
  fmt::print("      convolutions: {}\n", fmt::join(cpu::conv_implementations(), " "));
  if (!cuda::available()) fmt::print("cuda  absent: {}\n", cuda::absent_reason());
  for (const cuda::DeviceInfo& d : cuda::devices())
    fmt::print("cuda  {}\n      compute capability {}.{}, {} multiprocessors, {:.1f} GB\n", d.name, d.major, d.minor,
               d.multiprocessors, double(d.memory) * 1e-9);
}

}  // namespace

void add_devices_command(CLI::App& app) {
  app.add_subcommand("devices", "What there is to compute on")->callback(devices);
}

}  // namespace skein
