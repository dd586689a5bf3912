#include "apps/sweep/sweep_slurm.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/check.h"
#include "base/terminal/shell_words.h"

namespace skein {
namespace {
namespace fs = std::filesystem;

std::string program() {
  std::error_code none;
  return fs::read_symlink("/proc/self/exe", none).string();
}

bool is_in_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  std::error_code none;
  for (std::string folder; std::getline(folders, folder, ':');)
    if (fs::is_regular_file(fs::path(folder) / name, none)) return true;
  return false;
}

// The file FOLDER/slurm-N.log of the array's task N in quotes; %% is a percent sign (sbatch's "filename pattern").
std::string log_pattern(const std::string& folder) {
  std::string text = "\"";
  for (const char c : folder) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
    if (c == '%') text += c;
  }
  return text + "/slurm-%a.log\"";
}

}  // namespace

std::string sbatch_script(const std::vector<SweepRun>& runs, const std::string& folder, int64_t at_once,
                          const std::vector<std::string>& options) {
  const std::string where = fs::absolute(folder).lexically_normal().string();
  std::string text = fmt::format(
      "#!/usr/bin/env bash\n"
      "# {} runs of a sweep; submit it again to go on:  sbatch {}\n"
      "#SBATCH --job-name=skein-sweep\n"
      "#SBATCH --array=0-{}{}\n"
      "#SBATCH --output={}\n"
      "#SBATCH --open-mode=append\n"
      "#SBATCH --signal=B:USR1@120\n"
      "#SBATCH --requeue\n",
      runs.size(), shell_words({where + "/sweep.sbatch"}), runs.size() - 1,
      at_once > 0 ? fmt::format("%{}", at_once) : "", log_pattern(where));
  for (const std::string& option : options) text += fmt::format("#SBATCH {}\n", option);
  text += fmt::format(
      "set -euo pipefail\n"
      "cd {}\n"
      "export OMP_NUM_THREADS=${{SLURM_CPUS_PER_TASK:-1}}\n"
      "case $SLURM_ARRAY_TASK_ID in\n",
      shell_words({fs::current_path().string()}));
  for (size_t i = 0; i < runs.size(); ++i) {
    std::vector<std::string> words = {program()};
    words.insert(words.end(), runs[i].arguments.begin(), runs[i].arguments.end());
    text += fmt::format("  {}) exec {} ;;\n", i, shell_words(words));
  }
  return text + "esac\n";
}

void submit(const std::string& script) {
  if (!is_in_path("sbatch"))
    throw BadInput("--slurm: there is no sbatch in PATH. {} is written: submit it where Slurm is, or leave --slurm out",
                   script);
  const std::string command = shell_words({"sbatch", script});
  if (const int status = std::system(command.c_str()); status != 0)
    throw RunFailed("{}: has failed; its message is above. {} is kept", command, script);
}

}  // namespace skein
