// skein export: the weights of a checkpoint for PyTorch, or the network for ONNX's run times.
#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "apps/commands.h"
#include "apps/model/onnx_file.h"
#include "apps/model/torch_file.h"
#include "base/check.h"
#include "engine/onnx/graph.h"
#include "train/run/inference.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

struct ExportArguments {
  std::string to = "torch", checkpoint, out, profile;
  bool fold = false, force = false;
};

void check_arguments(const ExportArguments& flags) {
  if (flags.fold && flags.to != "onnx")
    throw BadInput("--fold-batch-norm: PyTorch's model has its batch norms as layers. Leave it out, or use --to onnx");
  if (!flags.profile.empty() && flags.to != "onnx")
    throw BadInput("--profile {}: PyTorch's file has no place for times. Leave it out, or use --to onnx",
                   flags.profile);
  const fs::path out = flags.out, folder = out.parent_path();
  if (fs::is_directory(out)) throw BadInput("--out {}: is a folder. Give the name of a file in it", flags.out);
  if (fs::exists(out) && !flags.force)
    throw BadInput("--out {}: exists already. Give another name, or --force to replace it", flags.out);
  if (!folder.empty() && !fs::is_directory(folder))
    throw BadInput("--out {}: there is no folder {}. Make it first", flags.out, folder.string());
}

std::string write_torch(const std::string& path, const TrainedModel& trained) {
  const ParameterStore& p = trained.parameters;
  write_torch_file(path, p, model_metadata(trained.info()));
  return fmt::format("{} tensors", p.specs().size() + p.running_specs().size());
}

std::string write_onnx(const ExportArguments& flags, const TrainedModel& trained) {
  std::optional<LayerTimes> times;
  if (!flags.profile.empty()) {
    times = read_layer_times(flags.profile, "--profile ");
    if (times->model != trained.info().config.model)
      throw BadInput("--profile {}: is of {}, and the checkpoint of {}. Measure the network that is exported",
                     flags.profile, times->model, trained.info().config.model);
  }
  const bool fold = flags.fold;
  const OnnxFileContents file =
      write_onnx_file(flags.out, *trained.model, trained.parameters, trained.info(), fold, times ? &*times : nullptr);
  std::string what = fmt::format("operator set {}, {} nodes", kOnnxOperatorSet, file.nodes);
  if (fold) what += fmt::format(", {} batch norms folded", file.folded);
  if (fold && file.batch_norms > 0)
    what += fmt::format("; {} stay, as no convolution of their own is before them", file.batch_norms);
  return what;
}

void export_checkpoint(const ExportArguments& flags) {
  check_arguments(flags);
  const TrainedModel trained(flags.checkpoint);
  const std::string what = flags.to == "onnx" ? write_onnx(flags, trained) : write_torch(flags.out, trained);
  fmt::print("took     {} (epoch {})\n", trained.checkpoint.folder, trained.checkpoint.state.epoch);
  fmt::print("wrote    {}: {}, {}\n", flags.out, trained.info().config.model, what);
}

}  // namespace

void add_export_command(Command& skein) {
  auto flags = std::make_shared<ExportArguments>();
  Command& command = skein.add("export", "Write a trained model for PyTorch or as ONNX");
  command.option("--to", flags->to, "torch: safetensors for load_state_dict(); onnx: the network with its weights",
                 {.type = "FORMAT", .choices = {"torch", "onnx"}});
  command.option("checkpoint", flags->checkpoint, "a run folder, whose best one is taken, or a checkpoint",
                 {.type = "RUN|CKPT", .required = true});
  command.option("--out", flags->out, "the file; the metadata has classes, image size, mean and std",
                 {.type = "FILE", .required = true});
  command.flag("--fold-batch-norm", flags->fold, "onnx: fold batch norms into convolutions; other rounding");
  command.option("--profile", flags->profile,
                 "onnx: write measured times into the nodes: of bench step --profile --json, or of train --trace",
                 {.type = "FILE"});
  command.flag("--force", flags->force, "replace FILE if it exists");
  command.body = [flags] { export_checkpoint(*flags); };
}

}  // namespace skein
