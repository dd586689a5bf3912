// skein import: a checkpoint made of weights that PyTorch saved.
#include <fmt/format.h>

#include "apps/commands.h"
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
  const ModelInfo info =
      make_model_info(flags.config, open_dataset(flags.config.data, dataset_options(flags.config)).train);
  ParameterStore parameters;
  make_model(flags.config.model, info.model_options(), parameters);
  parameters.build(Device::cpu, 0);
  const std::vector<std::string> notes = read_weights(flags.file, OtherClassifier::refused, parameters);
  ProcessGroup group;
  write_checkpoint(group, flags.out, info, parameters, {}, {});
  for (const std::string& note : notes) fmt::print("note     {}\n", note);
  fmt::print("wrote    {}: {}, {} parameters of {}\nevaluate skein eval --checkpoint {}\n", flags.out,
             flags.config.model, parameters.count(), flags.file, flags.out);
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
