// skein summary: size and cost of a model, measured by one training forward pass.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "engine/autograd.h"
#include "models/model.h"

namespace skein {
namespace {

struct SummaryFlags {
  std::string model = "resnet20", shortcut = "B";
  int64_t classes = 10, channels = 3, size = 32, batch = 128;
  bool json = false;
};

struct Cost {
  int64_t macs;
  size_t activation_bytes;
};

// What a forward pass leaves for the backward pass is all that the arena holds at its end.
Cost measure(const Model& model, const SummaryFlags& flags) {
  Arena arena(Device::cpu);
  Tape tape(Queue{}, arena);
  const Tensor images = Tensor::zeros(Device::cpu, DType::f32, {flags.batch, flags.size, flags.size, flags.channels});
  model.forward(tape.input(images));
  return {tape.macs / flags.batch, arena.peak()};
}

void print_table(const ParameterStore& parameters) {
  fmt::print("{:<40} {:>16} {:>10}\n", "parameter", "shape", "numbers");
  for (size_t i = 0; i < parameters.specs().size(); ++i) {
    const ParameterSpec& spec = parameters.specs()[i];
    fmt::print("{:<40} {:>16} {:>10}{}\n", spec.name, fmt::format("{}", fmt::join(spec.shape, "x")),
               parameters.segments()[i].count, spec.decay ? "" : "  not decayed");
  }
}

void summary(const SummaryFlags& flags) {
  ParameterStore parameters;
  const auto model = make_model(flags.model, {flags.classes, flags.channels, flags.shortcut[0]}, parameters);
  parameters.build(Device::cpu, 0);
  const Cost cost = measure(*model, flags);
  if (flags.json) {
    const nlohmann::ordered_json line = {
        {"model", flags.model}, {"parameters", parameters.count()},          {"tensors", parameters.specs().size()},
        {"macs", cost.macs},    {"activation_bytes", cost.activation_bytes}, {"batch", flags.batch}};
    fmt::print("{}\n", line.dump());
    return;
  }
  print_table(parameters);
  fmt::print("\nmodel        {}, {} classes, {} x {} x {} images, shortcut {}\n", flags.model, flags.classes,
             flags.size, flags.size, flags.channels, flags.shortcut);
  fmt::print("parameters   {} in {} tensors\n", parameters.count(), parameters.specs().size());
  fmt::print("macs         {} per image, forward\n", cost.macs);
  fmt::print("activations  {} bytes for a batch of {}, kept for the backward pass\n", cost.activation_bytes,
             flags.batch);
}

}  // namespace

void add_summary_command(CLI::App& app) {
  auto flags = std::make_shared<SummaryFlags>();
  CLI::App* command = app.add_subcommand("summary", "Parameters, work and memory of a model");
  const auto add = [&](const char* name, auto& value, const char* type, const char* help) {
    return command->add_option(name, value, help)->type_name(type)->capture_default_str();
  };
  add("--model", flags->model, "NAME", "resnet20, resnet50, densenet40-12, wrn28-10 ...; a wrong name lists them all");
  add("--shortcut", flags->shortcut, "A|B", "A pads the identity, B projects it")->check(CLI::IsMember({"A", "B"}));
  add("--classes", flags->classes, "N", "classes")->check(CLI::Range(1, 1000000));
  add("--channels", flags->channels, "N", "of the images")->check(CLI::IsMember({1, 3}));
  add("--size", flags->size, "N", "height and width of the images")->check(CLI::Range(8, 1024));
  add("--batch", flags->batch, "N", "images whose activations are counted")->check(CLI::Range(1, 65536));
  command->add_flag("--json", flags->json, "one line of JSON");
  command->callback([flags] { summary(*flags); });
}

}  // namespace skein
