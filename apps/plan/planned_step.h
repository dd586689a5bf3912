// A training step on a GPU that need not be in this machine: kernels, memory and a lower bound of its time, from a dry
// run (apps/plan/dry_step.h) and cuDNN's plans.
#pragma once

#include "apps/plan/dry_step.h"
#include "apps/plan/gpu_model.h"

namespace skein {

struct PlannedConvolution {
  PlannedKernel kernel;
  cuda::ConvPlanInfo info;
  double seconds = 0;  // of one call, at the peaks; 0 if they are unknown
};

struct PlannedStep {
  std::vector<PlannedConvolution> convolutions;
  DryStep dry;
  std::string cudnn;     // version
  bool compiles = true;  // see ConvPlanner
  size_t workspace = 0;  // of the largest convolution
  size_t per_image = 0;  // bytes of activations
  int64_t largest_batch = 0;
  double flops = 0, bytes = 0, seconds = 0;  // of a step; seconds: lower bound at these peaks
  size_t memory() const { return dry.activations + dry.parameter_bytes + workspace; }
};

// Memory of CUDA, cuDNN and cuBLAS themselves: an estimate from processes on data-centre GPUs.
constexpr size_t kLibraryBytes = size_t(800) << 20;

PlannedStep plan_step(const GpuModel&, const StepShape&, const cuda::ConvOptions&);

}  // namespace skein
