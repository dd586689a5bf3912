#include "apps/model/inference.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/check.h"
#include "train/evaluation/class_names.h"
#include "train/run/run.h"

namespace skein {

void add_inference_options(Command& command, InferenceFlags& flags) {
  command.option("--checkpoint", flags.checkpoint, "a checkpoint, or a run folder, whose best one is taken",
                 {.type = "RUN|CKPT", .required = true});
  command.option("--batch", flags.batch, "images per batch; 0: as the run evaluated", {"N", 0, 1000000000});
  command.option("--threads", flags.machine.threads, "OpenMP threads; 0: one per core", {"N", 0, 4096});
  command.option("--device", flags.machine.device, "auto: a GPU where there is one; cpu; cuda");
  command.option("--dtype", flags.machine.dtype, "of activations; tf32 on a GPU");
  command.flag("--json", flags.json, "one line of JSON");
}

Inference::Inference(const InferenceFlags& flags)
    : device(prepare_machine(flags.machine)),
      context(device),
      trained(flags.checkpoint, device, activations(flags.machine.dtype)),
      images(activations(flags.machine.dtype)),
      batch(flags.batch > 0 ? flags.batch : info().config.eval_batch) {
  const bool tf32 = info().config.dtype == ComputeType::tf32 && device == Device::cuda && !flags.dtype_given;
  use_convolutions_of(trained.checkpoint, device, tf32 ? ComputeType::tf32 : flags.machine.dtype);
  context.tape.training = false;
}

TrainConfig with_data(TrainConfig config, const std::string& data, const std::string& data_dir) {
  if (!data.empty()) config.data = data;
  if (!data.empty() || !data_dir.empty()) config.data_dir = data_dir;
  return config;
}

Splits open_data(const TrainConfig& config, const ModelInfo& info) {
  Splits splits = open_dataset(config.data, dataset_options(config));
  if (splits.test.channels() != info.channels)
    throw BadInput(
        "dataset '{}': {}-channel images; the checkpoint was trained on {}-channel images. Give its own with "
        "--data",
        config.data, splits.test.channels(), info.channels);
  const ClassMap map = map_classes(config.data, splits.test.classes, info.classes);
  if (!map.note.empty()) fmt::print(stderr, "note     {}\n", map.note);
  for (Dataset* set : {&splits.train, &splits.test}) {
    set->name = config.data;
    use_classes(*set, map, info.classes);
    std::copy(info.mean.begin(), info.mean.end(), set->mean);
    std::copy(info.std.begin(), info.std.end(), set->std);
  }
  return splits;
}

void check_new_file(const char* flag, const std::string& path, bool force) {
  namespace fs = std::filesystem;
  if (path.empty()) return;
  const fs::path folder = fs::path(path).parent_path();
  if (fs::exists(path) && !fs::is_regular_file(path))
    throw BadInput("{} {}: is a folder or a device. Give the name of a file", flag, path);
  if (fs::exists(path) && !force)
    throw BadInput("{} {}: exists already. Give another name, or --force to replace it", flag, path);
  if (!folder.empty() && !fs::is_directory(folder))
    throw BadInput("{} {}: there is no folder {}. Make it first", flag, path, folder.string());
}

}  // namespace skein
