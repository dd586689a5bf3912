#include "apps/program.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "apps/commands.h"
#include "apps/exit_status.h"
#include "base/check.h"
#include "train/version.h"

namespace skein {
namespace {

int fail(const std::exception& error, int status) {
  std::fflush(stdout);
  fmt::print(stderr, "skein: {}\n", error.what());
  return status;
}

// A waiting OpenMP thread of libgomp spins for milliseconds. Beside other programs, or with more threads than free
// cores, a step then takes up to forty times as long. libgomp reads the setting before main(), so the program has to be
// started again. If that fails it continues unchanged.
void limit_spinning(char** argv) {
  if (std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY")) return;
  setenv("GOMP_SPINCOUNT", "3000", 1);
  std::error_code none;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", none);
  execv(program.c_str(), argv);
}

Command all_commands() {
  Command skein("skein", "skein: trains deep networks");
  skein.version = std::string("skein ") + version();
  skein.requires_subcommand = true;
  for (const auto add : {
           add_train_command,
           add_eval_command,
           add_export_command,
           add_import_command,
           add_summary_command,
           add_data_command,
           add_bench_command,
           add_clock_command,
           add_runs_command,
           add_compare_command,
           add_devices_command,
           add_plan_command,
       })
    add(skein);
  return skein;
}

}  // namespace

int run_program(int argc, char** argv) {
  limit_spinning(argv);
  Command skein = all_commands();
  try {
    run_command(skein, {argv + 1, argv + argc});
    return kDone;
  } catch (const ExitStatus& e) {
    return e.status;
  } catch (const BadInput& e) {
    return fail(e, kBadInput);
  } catch (const std::exception& e) {
    return fail(e, kRunFailed);
  }
}

}  // namespace skein
