// skein plan: a training step on a GPU that need not be in this machine: cuDNN's choices, memory, lower bound of time.
#include <fmt/format.h>

#include "apps/commands.h"
#include "apps/plan/planned_step.h"
#include "base/check.h"
#include "base/formats/json.h"
#include "models/model_traits.h"
#include "train/config/config_types.h"

namespace skein {
namespace {

struct PlanFlags {
  StepShape shape;
  std::string gpu = "h100";
  ShortcutKind shortcut = ShortcutKind::B;
  ComputeType dtype = ComputeType::f32;
  int64_t workspace = 256;  // MB
  bool any = false, json = false;
};

const char* kPasses[] = {"forward", "backward data", "backward weights"};

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

Json to_json(const PlannedStep& step, const GpuModel& gpu, const PlanFlags& f) {
  Json layers = Json::array();
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
          {"size", f.shape.size},
          {"channels", f.shape.channels},
          {"classes", f.shape.classes},
          {"dtype", to_string(f.dtype)},
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
  // cuDNN 9.14 and 9.19 crash if they plan for another kind of GPU than a visible one.
  setenv("CUDA_VISIBLE_DEVICES", "", 1);
  flags.shape.shortcut = to_string(flags.shortcut);
  flags.shape.dtype = activations(flags.dtype);
  flags.shape = with_usual_images(flags.shape);
  const cuda::ConvOptions options{.deterministic = !flags.any,
                                  .tf32 = flags.dtype == ComputeType::tf32,
                                  .workspace = size_t(flags.workspace) << 20};
  const GpuModel gpu = find_gpu(flags.gpu);
  const PlannedStep step = plan_step(gpu, flags.shape, options);
  if (flags.json) {
    fmt::print("{}\n", to_json(step, gpu, flags).dump());
    return;
  }
  const StepShape& s = flags.shape;
  fmt::print(
      "{}, compute capability {}.{}; {}, batch {} of {} x {} x {} images, {} classes, {}; planned by cuDNN {}, nothing "
      "was run\n\n",
      gpu.device_name, gpu.compute / 10, gpu.compute % 10, s.model, s.batch, s.size, s.size, s.channels, s.classes,
      to_string(flags.dtype), step.cudnn);
  print_layers(step);
  print_totals(step, gpu, flags.shape);
}

}  // namespace

void add_plan_command(Command& skein) {
  auto flags = std::make_shared<PlanFlags>();
  flags->shape.size = flags->shape.classes = 0;
  Command& command = skein.add("plan", "What a training step takes of a GPU that need not be here");
  command.option("--gpu", flags->gpu, "t4, a100, l4, h100, b200 ..., or a file of `skein devices --json`",
                 {.type = "NAME|FILE"});
  command.option("--model", flags->shape.model, "as for train", {.type = "NAME"});
  command.option("--shortcut", flags->shortcut, "as for train", {.type = "A|B"});
  command.option("--batch", flags->shape.batch, "images per step", {"N", 1, 65536});
  command.option("--dtype", flags->dtype, "as for train", {.type = "f32|tf32|bf16"});
  command.option("--size", flags->shape.size, "height and width of the images; 0: 224 for ImageNet's networks, else 32",
                 {"N", 0, 1024});
  command.option("--channels", flags->shape.channels, "of the images", {.type = "N", .choices = {"1", "3"}});
  command.option("--classes", flags->shape.classes, "0: 1000 for ImageNet's networks, else 10", {"N", 0, 1000000});
  command.option("--workspace", flags->workspace, "that one convolution may take at most", {"MB", 0, 65536});
  command.flag("--any-engine", flags->any, "take engines that are not deterministic as well");
  command.flag("--json", flags->json, "one line of JSON");
  command.body = [flags] { plan(*flags); };
}

}  // namespace skein
