// A training step on a GPU that may not be here: its kernels, memory and a bound on its time, from a dry run of the
// network on the CPU in which no kernel runs, and cuDNN's plans.
#pragma once

#include <string>
#include <vector>

#include "engine/tensor.h"
#include "kernels/conv_plan.h"
#include "kernels/gpu_model.h"

namespace skein {

struct StepShape {
  std::string model = "resnet20", shortcut = "B";
  int64_t classes = 10, channels = 3, size = 32, batch = 128;
  DType dtype = DType::f32;
};

// Kernels of one kind and shape.
struct PlannedKernel {
  int count = 1;  // per step
  bool convolution = false;
  cuda::ConvProblem problem;    // of a convolution
  double flops = 0, bytes = 0;  // of one: 2 per multiply-add; every operand moved once
  bool matrix_units = false;    // convolution or linear layer: bounded by FLOP/s as well
  bool operator==(const PlannedKernel&) const = default;
};

struct DryStep {
  std::vector<PlannedKernel> kernels;  // in the order of their first use
  size_t activations = 0;              // bytes: the arena of a step at its fullest
  int64_t parameters = 0;              // learned numbers, without padding
  size_t parameter_bytes = 0;          // value, gradient, momentum, bf16 shadow and running statistics
  int64_t convolutions() const;        // layers
};
DryStep dry_step(const StepShape&);

struct PlannedConvolution {
  PlannedKernel kernel;
  cuda::ConvPlanInfo info;
  double seconds = 0;  // of one, at the peaks; 0 where they are not known
};

struct PlannedStep {
  std::vector<PlannedConvolution> convolutions;
  DryStep dry;
  std::string cudnn;     // version
  bool compiles = true;  // see ConvPlanner
  size_t workspace = 0;  // of the largest convolution
  size_t per_image = 0;  // bytes of activations
  int64_t largest_batch = 0;
  double flops = 0, bytes = 0, seconds = 0;  // of a step; seconds: no step is faster at these peaks
  size_t memory() const { return dry.activations + dry.parameter_bytes + workspace; }
};

// Memory that CUDA, cuDNN and cuBLAS take for themselves: a guess, from what processes on data-centre GPUs show.
constexpr size_t kLibraryBytes = size_t(800) << 20;

PlannedStep plan_step(const GpuModel&, const StepShape&, const cuda::ConvOptions&);

}  // namespace skein
