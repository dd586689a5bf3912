// skein import: a checkpoint made of weights that PyTorch saved.
#include <fmt/format.h>

#include <filesystem>

#include "apps/commands.h"
#include "base/terminal/output_lock.h"
#include "base/terminal/shell_words.h"
#include "comm/process_group.h"
#include "train/run/checkpoint.h"
#include "train/run/run.h"
#include "train/run/weights_file.h"

namespace skein {
namespace {

struct ImportArguments {
  std::string from = "torch", file, out;
  TrainConfig config;
};

void import_checkpoint(const ImportArguments& flags) {
  const std::string out = std::filesystem::path(flags.out + "/").lexically_normal().parent_path().string();
  if (const auto parent = std::filesystem::path(out).parent_path(); !parent.empty())
    std::filesystem::create_directories(parent);
  const OutputLock lock(out);
  const bool replaces = check_checkpoint_place(out);
  const ModelInfo info =
      make_model_info(flags.config, open_dataset(flags.config.data, dataset_options(flags.config)).train);
  ParameterStore parameters;
  make_model(flags.config.model, info.model_options(), parameters);
  parameters.build(Device::cpu, 0);
  const std::vector<std::string> notes = read_weights(flags.file, OtherClassifier::refused, parameters);
  ProcessGroup group;
  if (replaces) fmt::print("replaces {}\n", out);
  write_checkpoint(group, out, {info, parameters, {}, {}});
  for (const std::string& note : notes) fmt::print("note     {}\n", note);
  fmt::print("wrote    {}: {}, {} parameters of {}\nevaluate {}\n", out, flags.config.model, parameters.count(),
             flags.file, shell_words({"skein", "eval", "--checkpoint", out}));
}

}  // namespace

void add_import_command(Command& skein) {
  auto flags = std::make_shared<ImportArguments>();
  Command& command = skein.add("import", "Make a checkpoint of weights that PyTorch saved");
  command.option("--from", flags->from, "who saved them", {.type = "WHO", .choices = {"torch"}});
  command.option("file", flags->file, "safetensors file of a state_dict", {.type = "FILE", .required = true});
  command.option("--model", flags->config.model, "which model it is", {.type = "NAME", .required = true});
  command.option("--shortcut", flags->config.shortcut, "of the small ResNets", {.type = "A|B"});
  command.option("--data", flags->config.data, "what it is for, as for train: classes, size and normalisation",
                 {.type = "NAME|FILE|DIR", .required = true});
  command.option("--data-dir", flags->config.data_dir, "where the files of NAME are", {.type = "DIR"});
  command.option("--out", flags->out, "the checkpoint, a folder", {.type = "DIR", .required = true});
  command.body = [flags] { import_checkpoint(*flags); };
}

}  // namespace skein
