// skein summary: layers, work and memory of a model, from a training step without computation (apps/plan/dry_step.h).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/commands.h"
#include "apps/plan/dry_step.h"
#include "base/formats/json.h"
#include "models/model_traits.h"
#include "train/config/config_types.h"

namespace skein {
namespace {

struct SummaryFlags {
  StepShape shape;
  ShortcutKind shortcut = ShortcutKind::B;
  ComputeType dtype = ComputeType::f32;
  bool json = false;
};

std::string shape_of(const PlannedLayer& l) { return fmt::format("{}", fmt::join(l.output.dims, "x")); }

void print_layers(const DryStep& step) {
  fmt::print("{:<30} {:<20} {:>18} {:>10} {:>12} {:>9}\n", "layer", "", "output", "parameters", "macs", "MB moved");
  for (const PlannedLayer& l : step.layers)
    fmt::print("{:<30} {:<20} {:>18} {:>10} {:>12} {:>9.2f}\n", l.name, l.op, shape_of(l), l.parameters, l.macs,
               l.bytes * 1e-6);
}

Json to_json(const DryStep& step, const SummaryFlags& f) {
  Json layers = Json::array();
  for (const PlannedLayer& l : step.layers)
    layers.push_back({{"name", l.name},
                      {"op", l.op},
                      {"output", std::vector<int64_t>(std::begin(l.output.dims), std::end(l.output.dims))},
                      {"parameters", l.parameters},
                      {"macs", l.macs},
                      {"bytes_moved", int64_t(l.bytes)}});
  return {{"model", f.shape.model},
          {"batch", f.shape.batch},
          {"size", f.shape.size},
          {"channels", f.shape.channels},
          {"classes", f.shape.classes},
          {"dtype", to_string(f.dtype)},
          {"recompute", f.shape.recompute},
          {"parameters", step.parameters},
          {"tensors", step.tensors},
          {"parameter_bytes", step.parameter_bytes},
          {"macs", step.macs()},
          {"activation_bytes", step.forward},
          {"step_bytes", step.activations},
          {"bytes_moved", int64_t(step.bytes())},
          {"layers", layers}};
}

void summary(SummaryFlags flags) {
  flags.shape.shortcut = to_string(flags.shortcut);
  flags.shape.dtype = activations(flags.dtype);
  flags.shape = with_usual_images(flags.shape);
  const DryStep step = dry_step(flags.shape);
  if (flags.json) {
    fmt::print("{}\n", to_json(step, flags).dump());
    return;
  }
  const StepShape& s = flags.shape;
  print_layers(step);
  fmt::print("\nmodel        {}, {} classes, {} x {} x {} images, shortcut {}\n", s.model, s.classes, s.size, s.size,
             s.channels, s.shortcut);
  fmt::print("parameters   {} in {} tensors; {} bytes with gradient, momentum and running statistics\n",
             step.parameters, step.tensors, step.parameter_bytes);
  fmt::print("macs         {} per image, forward\n", step.macs());
  fmt::print("activations  {} bytes for a batch of {} in {} at the fullest of the forward pass{}\n", step.forward,
             s.batch, to_string(flags.dtype), s.recompute ? ", blocks recomputed" : "");
  fmt::print("step         {} bytes with the images and the gradients of activations\n", step.activations);
  fmt::print("moved        {} bytes by a step, forward, backward and SGD: every operand of every kernel once,\n",
             int64_t(step.bytes()));
  fmt::print("             twice where it is read and written\n");
}

}  // namespace

void add_summary_command(Command& skein) {
  auto flags = std::make_shared<SummaryFlags>();
  Command& command = skein.add("summary", "Layers, parameters, work and memory of a model");
  StepShape& s = flags->shape;
  s.size = s.classes = 0;
  command.option("--model", s.model, "resnet20, resnet50, densenet40-12, wrn28-10 ...; a wrong name lists them all",
                 {.type = "NAME"});
  command.option("--shortcut", flags->shortcut, "A pads the identity, B projects it", {.type = "A|B"});
  command.option("--classes", s.classes, "0: 1000 for ImageNet's networks, else 10", {"N", 0, 1000000});
  command.option("--channels", s.channels, "of the images", {.type = "N", .choices = {"1", "3"}});
  command.option("--size", s.size, "height and width of the images; 0: 224 for ImageNet's networks, else 32",
                 {"N", 0, 1024});
  command.option("--batch", s.batch, "images of a step", {"N", 1, 65536});
  command.option("--dtype", flags->dtype, "of activations", {.type = "f32|bf16", .choices = {"f32", "bf16"}});
  command.flag("--recompute", s.recompute, "keep no activations within blocks, compute them again");
  command.flag("--json", flags->json, "one line of JSON");
  command.body = [flags] { summary(*flags); };
}

}  // namespace skein
