#include "apps/program.h"

#include <fmt/ranges.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "apps/commands.h"
#include "apps/exit_status.h"
#include "base/check.h"
#include "base/terminal/standard_files.h"
#include "comm/process_group.h"
#include "kernels/conv.h"
#include "kernels/device/runtime.h"
#include "train/machine/bf16_instructions.h"
#include "train/machine/machine.h"
#include "train/machine/version.h"

namespace skein {
namespace {

int fail(const std::exception& error, int status) {
  std::fflush(stdout);
  print_error(reason_of(error));
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

// Back ends of this build, and what they find on this machine.
std::string found() {
  return fmt::format(
      "commit  {}\nprogram {}\ncpu     {}; bf16: {}; convolutions: {}\ncuda    {}\nmpi     {}",
      *commit() ? commit() : "unknown", std::filesystem::read_symlink("/proc/self/exe").string(), processor().name,
      to_text(bf16_instructions(processor())), fmt::join(cpu::conv_implementations(DType::bf16), " "),
      cuda::available() ? fmt::format("{} GPUs", cuda::devices().size()) : "absent: " + cuda::absent_reason(),
      mpi_support());
}

Command all_commands() {
  Command skein("skein", "skein: trains deep networks");
  skein.version = std::string("skein ") + version();
  skein.details = found;
  skein.requires_subcommand = true;
  for (const auto add : {
           add_train_command,      add_eval_command,   add_geometry_command,  add_predict_command, add_verify_command,
           add_export_command,     add_import_command, add_summary_command,   add_data_command,    add_bench_command,
           add_clock_command,      add_sweep_command,  add_reproduce_command, add_runs_command,    add_compare_command,
           add_report_command,     add_view_command,   add_watch_command,     add_devices_command, add_plan_command,
           add_completion_command, add_manual_command,
       })
    add(skein);
  return skein;
}

int run(Command& skein, const std::vector<std::string>& arguments) {
  try {
    run_command(skein, arguments);
    return kDone;
  } catch (const ExitStatus& e) {
    return e.status;
  } catch (const BadInput& e) {
    return fail(e, kBadInput);
  } catch (const std::exception& e) {
    if (std::ferror(stdout)) return kRunFailed;  // thrown by fmt::print; finish_output() says it
    return fail(e, kRunFailed);
  }
}

// Output is buffered, so a full disk may show only here. A command whose output is lost has failed.
int finish_output(int status) {
  errno = 0;
  if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return status;
  print_error(fmt::format("standard output: cannot be written{}. Free space there, or send it to another place",
                          errno != 0 ? fmt::format(" ({})", std::strerror(errno)) : ""));
  return status == kDone ? kRunFailed : status;
}

}  // namespace

int run_program(int argc, char** argv) {
  open_standard_files();
  limit_spinning(argv);
  Command skein = all_commands();
  return finish_output(run(skein, {argv + 1, argv + argc}));
}

}  // namespace skein
