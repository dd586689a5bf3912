// skein export: the weights of a checkpoint, for PyTorch.
#include <fmt/format.h>

#include "apps/commands.h"
#include "apps/torch_file.h"
#include "train/run/checkpoint.h"

namespace skein {
namespace {

struct ExportArguments {
  std::string to = "torch", checkpoint, out;
};

void export_checkpoint(const ExportArguments& flags) {
  const Checkpoint checkpoint = open_checkpoint(flags.checkpoint);
  ParameterStore parameters;
  make_model(checkpoint.info.config.model, checkpoint.info.model_options(), parameters);
  parameters.build(Device::cpu, 0);
  load_model(checkpoint, parameters);
  write_torch_file(flags.out, parameters);
  fmt::print("wrote    {}: {}, {} tensors\n", flags.out, checkpoint.info.config.model,
             parameters.specs().size() + parameters.running_specs().size());
}

}  // namespace

void add_export_command(Command& skein) {
  auto flags = std::make_shared<ExportArguments>();
  Command& command = skein.add("export", "Write a checkpoint's weights for PyTorch");
  command.option("--to", flags->to, "who will read them", {.type = "WHO", .choices = {"torch"}});
  command.option("checkpoint", flags->checkpoint, "RUN/checkpoints/last or best", {.type = "DIR", .required = true});
  command.option("--out", flags->out, "safetensors file, for load_state_dict()", {.type = "FILE", .required = true});
  command.body = [flags] { export_checkpoint(*flags); };
}

}  // namespace skein
