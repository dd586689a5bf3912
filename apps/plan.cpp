// skein plan: what a training step would take of a GPU: cuDNN's choices, memory and a bound on its time.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/planned_step.h"
#include "kernels/check.h"

namespace skein {
namespace {

struct PlanFlags {
  StepShape shape;
  std::string gpu = "h100", dtype = "f32";
  int64_t workspace = 256;  // MB
  bool tf32 = false, any = false, json = false;
};

const char* kPasses[] = {"forward", "backward data", "backward weights", "inference"};

double mb(double bytes) { return bytes / 1e6; }

std::string layer_of(const cuda::ConvProblem& p) {
  return fmt::format("{}x{} {}->{} {}x{}/{}", p.h, p.w, p.c, p.out, p.kernel, p.kernel, p.stride);
}

std::string notes_of(const cuda::ConvPlanInfo& i) {
  std::string notes = i.tensor_cores ? "tensor cores" : "CUDA cores";
  if (!i.deterministic) notes += ", not deterministic";
  if (i.winograd) notes += ", Winograd";
  if (i.run_time_compiled) notes += ", compiled at run time";
  if (i.cast) notes += ", bf16 result cast to f32";
  return notes;
}

void print_layers(const PlannedStep& step) {
  fmt::print("{:<24} {:<17} {:>5} {:>9} {:>6} {:>12} {:>9}  {}\n", "convolution", "", "count", "engines", "engine",
             "workspace", "bound", "");
  for (const PlannedConvolution& c : step.convolutions)
    fmt::print("{:<24} {:<17} {:>5} {:>4} / {:>2} {:>6} {:>9.2f} MB {:>6.1f} us  {}\n", layer_of(c.kernel.problem),
               kPasses[size_t(c.kernel.problem.pass)], c.kernel.count, c.info.allowed, c.info.offered, c.info.engine,
               mb(double(c.info.workspace)), c.seconds * 1e6, notes_of(c.info));
}

void print_totals(const PlannedStep& step, const GpuModel& gpu, const StepShape& s) {
  fmt::print("\nconvolutions  {} layers; every choice is deterministic: {}\n", step.dry.convolutions(),
             std::all_of(step.convolutions.begin(), step.convolutions.end(),
                         [](const auto& c) { return c.info.deterministic; })
                 ? "yes"
                 : "no");
  if (s.dtype == DType::bf16 && !step.compiles)
    fmt::print(
        "              without a driver here, engines that are compiled at run time were left out; on a GPU with\n"
        "              one, weight gradients of 8n channels may come in f32 at once\n");
  fmt::print("memory        {:.1f} MB: activations {:.1f}, parameters {:.1f} ({} numbers), workspace {:.1f}\n",
             mb(double(step.memory())), mb(double(step.dry.activations)), mb(double(step.dry.parameter_bytes)),
             step.dry.parameters, mb(double(step.workspace)));
  fmt::print("largest batch about {} in {:.1f} GB, of which {:.1f} GB are left to CUDA and its libraries\n",
             step.largest_batch, double(gpu.memory) * 1e-9, double(kLibraryBytes) * 1e-9);
  fmt::print("work          {:.2f} GFLOP and {:.2f} GB moved per step\n", step.flops * 1e-9, step.bytes * 1e-9);
  if (!gpu.peaks.known())
    fmt::print("time          no estimate: the peaks of this GPU are not known\n");
  else
    fmt::print(
        "time          estimate, not measured: at least {:.3f} ms per step, at most {:.0f} images/s, if every\n"
        "              kernel reached the peaks ({:.0f} GB/s, {:.0f} TFLOP/s f32, {:.0f} TF32, {:.0f} bf16)\n",
        step.seconds * 1e3, double(s.batch) / step.seconds, gpu.peaks.bandwidth * 1e-9, gpu.peaks.f32 * 1e-12,
        gpu.peaks.tf32 * 1e-12, gpu.peaks.bf16 * 1e-12);
}

nlohmann::ordered_json to_json(const PlannedStep& step, const GpuModel& gpu, const PlanFlags& f) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (const PlannedConvolution& c : step.convolutions)
    layers.push_back({{"convolution", name_of(c.kernel.problem)},
                      {"count", c.kernel.count},
                      {"engines_offered", c.info.offered},
                      {"engines_allowed", c.info.allowed},
                      {"engine", c.info.engine},
                      {"workspace_bytes", c.info.workspace},
                      {"tensor_cores", c.info.tensor_cores},
                      {"deterministic", c.info.deterministic},
                      {"run_time_compiled", c.info.run_time_compiled},
                      {"cast", c.info.cast},
                      {"bound_us", c.seconds * 1e6}});
  return {{"gpu", gpu.device_name},
          {"model", f.shape.model},
          {"batch", f.shape.batch},
          {"dtype", f.dtype},
          {"cudnn", step.cudnn},
          {"convolutions", layers},
          {"activation_bytes", step.dry.activations},
          {"parameter_bytes", step.dry.parameter_bytes},
          {"workspace_bytes", step.workspace},
          {"largest_batch", step.largest_batch},
          {"flops", step.flops},
          {"bytes_moved", step.bytes},
          {"roofline_estimate_ms", step.seconds * 1e3}};
}

void plan(PlanFlags flags) {
  flags.shape.dtype = flags.dtype == "bf16" ? DType::bf16 : DType::f32;
  const cuda::ConvOptions options{
      .deterministic = !flags.any, .tf32 = flags.tf32, .workspace = size_t(flags.workspace) << 20};
  const GpuModel gpu = find_gpu(flags.gpu);
  const PlannedStep step = plan_step(gpu, flags.shape, options);
  if (flags.json) {
    fmt::print("{}\n", to_json(step, gpu, flags).dump());
    return;
  }
  fmt::print("{}, compute capability {}.{}; {}, batch {}, {}; planned by cuDNN {}, nothing was run\n\n",
             gpu.device_name, gpu.compute / 10, gpu.compute % 10, flags.shape.model, flags.shape.batch, flags.dtype,
             step.cudnn);
  print_layers(step);
  print_totals(step, gpu, flags.shape);
}

}  // namespace

void add_plan_command(CLI::App& app) {
  auto flags = std::make_shared<PlanFlags>();
  CLI::App* command = app.add_subcommand("plan", "What a training step takes of a GPU that need not be here");
  const auto add = [&](const char* name, auto& value, const char* type, const char* help) {
    return command->add_option(name, value, help)->type_name(type)->capture_default_str();
  };
  add("--gpu", flags->gpu, "NAME|FILE", "t4, a100, l4, h100, b200 ..., or a file of `skein devices --json`");
  add("--model", flags->shape.model, "NAME", "as for train");
  add("--shortcut", flags->shape.shortcut, "A|B", "as for train")->check(CLI::IsMember({"A", "B"}));
  add("--batch", flags->shape.batch, "N", "images per step")->check(CLI::Range(1, 65536));
  add("--dtype", flags->dtype, "f32|bf16", "of activations")->check(CLI::IsMember({"f32", "bf16"}));
  add("--size", flags->shape.size, "N", "height and width of the images")->check(CLI::Range(8, 1024));
  add("--channels", flags->shape.channels, "N", "of the images")->check(CLI::IsMember({1, 3}));
  add("--classes", flags->shape.classes, "N", "classes")->check(CLI::Range(1, 1000000));
  add("--workspace", flags->workspace, "MB", "that one convolution may take at most")->check(CLI::Range(0, 65536));
  command->add_flag("--tf32", flags->tf32, "let f32 convolutions round products to TF32 for the tensor cores");
  command->add_flag("--any-engine", flags->any, "take engines that are not deterministic as well");
  command->add_flag("--json", flags->json, "one line of JSON");
  command->callback([flags] { plan(*flags); });
}

}  // namespace skein
