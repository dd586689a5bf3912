// Choice of a cuDNN plan for a convolution, given a handle or a description of a GPU (options and result:
// kernels/device/conv_plan.h).
#pragma once

#include "kernels/cuda/cudnn/engines.h"
#include "kernels/device/conv_plan.h"

namespace skein::cuda {

// The uids of a convolution's tensors in every graph.
enum ConvUid : int64_t { kX = 1, kW = 2, kY = 3 };

// A plan of cuDNN, or, without a descriptor, skein's own kernel (kernels/cuda/conv/narrow.h).
struct ConvPlan {
  Descriptor plan;
  bool is_own_kernel() const { return !plan.raw(); }
  size_t workspace = 0;  // bytes for cuDNN
  size_t scratch = 0;    // bytes for the bf16 weight gradient that is cast to f32 afterwards; 0: none
  ConvPlanInfo info;
};

// Plans that the options allow, without duplicates, in the order of cuDNN's heuristics. At most `most` per route; with
// most = 1 a single plan. BadInput with cuDNN's reason if there is none.
std::vector<ConvPlan> conv_plans(const Target&, const ConvProblem&, const ConvOptions&, size_t most);

}  // namespace skein::cuda
