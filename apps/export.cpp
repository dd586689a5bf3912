// skein export: the weights of a checkpoint, for PyTorch.
#include <fmt/format.h>

#include "apps/commands.h"
#include "apps/torch_file.h"
#include "train/run/inference.h"

namespace skein {
namespace {

struct ExportArguments {
  std::string to = "torch", checkpoint, out;
};

void export_checkpoint(const ExportArguments& flags) {
  const TrainedModel trained(flags.checkpoint);
  write_torch_file(flags.out, trained.parameters);
  fmt::print("wrote    {}: {}, {} tensors\n", flags.out, trained.info().config.model,
             trained.parameters.specs().size() + trained.parameters.running_specs().size());
}

}  // namespace

void add_export_command(Command& skein) {
  auto flags = std::make_shared<ExportArguments>();
  Command& command = skein.add("export", "Write a checkpoint's weights for PyTorch");
  command.option("--to", flags->to, "who will read them", {.type = "WHO", .choices = {"torch"}});
  command.option("checkpoint", flags->checkpoint, "a run folder, whose best one is taken, or a checkpoint",
                 {.type = "RUN|CKPT", .required = true});
  command.option("--out", flags->out, "safetensors file, for load_state_dict()", {.type = "FILE", .required = true});
  command.body = [flags] { export_checkpoint(*flags); };
}

}  // namespace skein
