// The measured choice among plans.
#pragma once

#include <functional>

#include "kernels/cuda/cudnn/conv_plans.h"

namespace skein::cuda {

using RunPlan = std::function<void(const ConvPlan&)>;  // puts it on the stream

// Index of the plan that takes the least time on the stream: of three runs the best, after one to warm up. One that
// fails, for want of memory say, is not taken; RunFailed if all do. The host waits, so the stream must not be captured.
size_t fastest(const std::vector<ConvPlan>&, Stream, const RunPlan&);

}  // namespace skein::cuda
