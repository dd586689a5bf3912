#include "train/run/inference.h"

#include <filesystem>

#include "base/check.h"
#include "train/machine/machine.h"
#include "train/run/run_folder.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

// The folder, or the older one that replace_folder() has moved away when it was interrupted. Empty if there is neither.
std::string existing(const std::string& folder) {
  if (fs::is_directory(folder)) return folder;
  return fs::is_directory(folder + ".old") ? folder + ".old" : "";
}

}  // namespace

std::string find_checkpoint(const std::string& given) {
  if (!fs::exists(given))
    throw BadInput("checkpoint {}: there is no such folder. Give a run folder or a checkpoint, RUN/checkpoints/last",
                   given);
  if (!fs::is_directory(given))
    throw BadInput("checkpoint {}: is a file. Give a run folder or a checkpoint, RUN/checkpoints/last", given);
  for (const std::string& folder : {best_folder(given), last_folder(given)})
    if (const std::string found = existing(folder); !found.empty()) return found;
  if (fs::exists(given + "/config.toml"))
    throw BadInput(
        "checkpoint {}: the run has no checkpoint yet. Train it on: one is saved after every epoch and when it is "
        "stopped",
        given);
  return given;
}

TrainedModel::TrainedModel(const std::string& run_or_checkpoint, Device device, DType activations)
    : checkpoint(open_checkpoint(find_checkpoint(run_or_checkpoint))),
      model(make_model(checkpoint.info.config.model, checkpoint.info.model_options(), parameters)) {
  parameters.build(device, 0, activations);
  load_model(checkpoint, parameters);
}

Device prepare_machine(const InferenceMachine& machine) {
  use_threads(machine.threads);
  check_device(machine.device, machine.dtype);
  return device_of(machine.device);
}

void use_convolutions_of(const Checkpoint& checkpoint, Device device, ComputeType dtype) {
  try {
    use_conv(device, checkpoint.info.config.conv, dtype);
    use_conv_choices(checkpoint.conv_choices);
  } catch (const BadInput&) {
    use_conv(device, "auto", dtype);
  }
}

}  // namespace skein
