#include "apps/planned_step.h"

#include <algorithm>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "engine/parameters.h"
#include "kernels/linear.h"
#include "models/model.h"

namespace skein {
namespace {

using Function = void (*)();
Function function(auto* f) { return reinterpret_cast<Function>(f); }

// x, w and y of a convolution, wherever its pass has them among the operands.
bool as_convolution(const KernelCall& call, PlannedKernel& kernel) {
  const std::vector<View>& o = call.operands;
  cuda::ConvPass pass{};
  View x, w, y;
  if (call.function == function(cpu::conv_forward))
    pass = cuda::ConvPass::forward, x = o[0], w = o[1], y = o[2];
  else if (call.function == function(cpu::conv_backward_data))
    pass = cuda::ConvPass::backward_data, y = o[0], w = o[1], x = o[2];
  else if (call.function == function(cpu::conv_backward_weights))
    pass = cuda::ConvPass::backward_weights, x = o[0], y = o[1], w = o[2];
  else
    return false;
  kernel.problem = cuda::conv_problem(pass, x, w, call.geometry, y);
  kernel.convolution = true;
  kernel.flops = 2.0 * double(y.numel()) * double(w.numel() / w.dims[0]);
  return true;
}

PlannedKernel kernel_of(const KernelCall& call) {
  PlannedKernel kernel;
  for (const View& operand : call.operands) kernel.bytes += double(operand.bytes());
  kernel.matrix_units = as_convolution(call, kernel);
  if (call.function == function(cpu::linear_forward) || call.function == function(cpu::linear_backward_x) ||
      call.function == function(cpu::linear_backward_w)) {
    // x w -> y, dy w -> dx, x dy -> dw: each pair shares one dimension.
    const View &a = call.operands[0], &b = call.operands[1];
    const bool to_w = call.function == function(cpu::linear_backward_w);
    kernel.flops = 2.0 * double(a.numel()) *
                   double(to_w || call.function == function(cpu::linear_backward_x) ? b.channels() : b.rows());
    kernel.matrix_units = true;
  }
  return kernel;
}

void add(std::vector<PlannedKernel>& kernels, const PlannedKernel& next) {
  for (PlannedKernel& known : kernels) {
    PlannedKernel one = known;
    one.count = next.count;
    if (one == next) {
      known.count += next.count;
      return;
    }
  }
  kernels.push_back(next);
}

// The optimizer reads value, gradient and momentum, and writes value, momentum and shadow.
PlannedKernel optimizer_step(const ParameterStore& p) {
  PlannedKernel kernel;
  kernel.bytes = 5.0 * double(p.value.view().bytes()) + (p.shadow.defined() ? double(p.shadow.view().bytes()) : 0);
  return kernel;
}

}  // namespace

int64_t DryStep::convolutions() const {
  int64_t layers = 0;
  for (const PlannedKernel& k : kernels)
    if (k.convolution && k.problem.pass == cuda::ConvPass::forward) layers += k.count;
  return layers;
}

DryStep dry_step(const StepShape& s) {
  DryStep out;
  ParameterStore parameters;
  const auto model = make_model(s.model, {s.classes, s.channels, s.shortcut[0]}, parameters);
  parameters.build(Device::cpu, 0, s.dtype);
  Arena arena(Device::cpu);
  Tape tape(Queue{}, arena);
  tape.on_kernel = [&](const KernelCall& call) { add(out.kernels, kernel_of(call)); };
  const Var images = tape.input(tape.scratch(s.dtype, {s.batch, s.size, s.size, s.channels}));
  const std::vector<int32_t> labels(size_t(s.batch), 0);
  const Loss loss = cross_entropy(model->forward(images), Tensor::from(Device::cpu, labels, {s.batch}));
  tape.backward(loss.mean);
  add(out.kernels, optimizer_step(parameters));
  out.activations = arena.peak();
  out.parameters = parameters.count();
  for (const Tensor* t :
       {&parameters.value, &parameters.grad, &parameters.velocity, &parameters.shadow, &parameters.state})
    if (t->defined()) out.parameter_bytes += t->view().bytes();
  return out;
}

namespace {

// A kernel can be bound by arithmetic or by memory; launches, caches and imperfect kernels come on top.
double seconds_of(const PlannedKernel& k, const GpuPeaks& peaks, bool tensor_cores) {
  if (!peaks.known()) return 0;
  const bool bf16 = k.convolution && k.problem.dtype == DType::bf16;
  const double tensor_peak = bf16 ? peaks.bf16 : peaks.tf32;
  const double peak = tensor_cores && tensor_peak > 0 ? tensor_peak : peaks.f32;
  return std::max(k.matrix_units ? k.flops / peak : 0, k.bytes / peaks.bandwidth);
}

}  // namespace

PlannedStep plan_step(const GpuModel& gpu, const StepShape& shape, const cuda::ConvOptions& options) {
  const cuda::ConvPlanner planner(gpu.json);
  PlannedStep step;
  step.cudnn = planner.cudnn_version();
  step.compiles = planner.compiles();
  step.dry = dry_step(shape);
  for (const PlannedKernel& kernel : step.dry.kernels) {
    PlannedConvolution planned{kernel, {}, 0};
    if (kernel.convolution) planned.info = planner.plan(kernel.problem, options);
    planned.seconds = seconds_of(kernel, gpu.peaks, planned.info.tensor_cores);
    step.flops += kernel.count * kernel.flops;
    step.bytes += kernel.count * kernel.bytes;
    step.seconds += kernel.count * planned.seconds;
    step.workspace = std::max(step.workspace, planned.info.workspace);
    if (kernel.convolution) step.convolutions.push_back(planned);
  }
  // Activations grow with the batch, the rest hardly: workspaces are taken at this batch's, or the limit if that is
  // less.
  StepShape twice = shape;
  twice.batch *= 2;
  step.per_image = (dry_step(twice).activations - step.dry.activations) / size_t(shape.batch);
  const double fixed = double(step.dry.parameter_bytes + step.workspace + kLibraryBytes);
  step.largest_batch = std::max<int64_t>(0, int64_t((double(gpu.memory) - fixed) / double(step.per_image)));
  return step;
}

}  // namespace skein
