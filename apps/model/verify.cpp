// skein verify: compares the files of checkpoints with their checksums. It only reads.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "apps/commands.h"
#include "apps/exit_status.h"
#include "base/check.h"
#include "train/run/checkpoint.h"
#include "train/run/checksums.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

// The checkpoints of a run, or the folder itself.
std::vector<std::string> checkpoints_of(const std::string& given) {
  const fs::path all = fs::path(given) / "checkpoints";
  if (!fs::is_directory(all)) return {given};
  std::vector<std::string> folders;
  for (const auto& entry : fs::directory_iterator(all))
    if (entry.is_directory() && !is_unfinished(entry.path().string())) folders.push_back(entry.path().string());
  std::sort(folders.begin(), folders.end());
  return folders;
}

void verify(const std::string& given) {
  if (!fs::is_directory(given))
    throw BadInput("{}: there is no such folder. Give a run, or a checkpoint, RUN/checkpoints/last", given);
  const std::vector<std::string> folders = checkpoints_of(given);
  if (folders.empty()) throw BadInput("{}: the run has no checkpoint yet", given);
  bool whole = true;
  for (const std::string& folder : folders) {
    if (!fs::exists(folder + kChecksumFile)) {
      whole = false;
      fmt::print("{}: has no {}: written by an older version, or it is no checkpoint\n", folder, kChecksumFile + 1);
      continue;
    }
    const std::vector<std::string> found = damage(folder);
    for (const std::string& sentence : found) fmt::print("{}\n", sentence);
    if (found.empty()) fmt::print("{}: whole, {} files\n", folder, read_checksums(folder).size());
    whole = whole && found.empty();
  }
  if (!whole) throw ExitStatus{kBadInput};
}

}  // namespace

void add_verify_command(Command& skein) {
  auto given = std::make_shared<std::string>();
  Command& command = skein.add("verify", "Compare the files of a run's checkpoints with their checksums");
  command.option("run", *given, "the folder of a run, or of one checkpoint", {.type = "RUN|CKPT", .required = true});
  command.body = [given] { verify(*given); };
}

}  // namespace skein
