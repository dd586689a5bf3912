#include "apps/plan/planned_step.h"

#include <algorithm>

namespace skein {
namespace {

// A kernel can be bound by arithmetic or by memory; launches, caches and imperfect kernels come on top.
double seconds_of(const PlannedKernel& k, const GpuPeaks& peaks, bool tensor_cores) {
  if (!peaks.known()) return 0;
  const bool bf16 = k.convolution && k.problem.dtype == DType::bf16;
  const double tensor_peak = bf16 ? peaks.bf16 : peaks.tf32;
  const double peak = tensor_cores && tensor_peak > 0 ? tensor_peak : peaks.f32;
  return std::max(k.flops / peak, k.bytes / peaks.bandwidth);
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
    step.seconds += kernel.count * planned.seconds;
    step.workspace = std::max(step.workspace, planned.info.workspace);
    if (kernel.convolution) step.convolutions.push_back(planned);
  }
  step.bytes = step.dry.bytes();
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
