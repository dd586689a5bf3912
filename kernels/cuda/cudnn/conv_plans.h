// The choice of a plan: kernels/conv_plan.h for those who hold a handle or a description.
#pragma once

#include "kernels/conv_plan.h"
#include "kernels/cuda/cudnn/engines.h"

namespace skein::cuda {

// The uids of a convolution's tensors in every graph.
enum ConvUid : int64_t { kX = 1, kW = 2, kY = 3 };

// Without a descriptor it is skein's own kernel, kernels/cuda/conv_narrow.h.
struct ConvPlan {
  Descriptor plan;
  size_t workspace = 0;  // bytes for cuDNN
  size_t scratch = 0;    // bytes for the bf16 weight gradient that is cast to f32 afterwards; 0: none
  ConvPlanInfo info;
};

// Those that the options allow, no two alike, in the order of cuDNN's heuristics; at most so many of each way to do it,
// and only the first with most = 1. BadInput with cuDNN's reason: none.
std::vector<ConvPlan> conv_plans(const Target&, const ConvProblem&, const ConvOptions&, size_t most);

}  // namespace skein::cuda
