// Choice among plans by measurement.
#pragma once

#include <functional>

#include "kernels/cuda/cudnn/conv_plans.h"

namespace skein::cuda {

using RunPlan = std::function<void(const ConvPlan&)>;  // enqueues the plan on the stream

// Index of the fastest plan on the stream: the best of three runs after a warm-up run. Plans that fail, for lack of
// memory for example, are skipped; RunFailed if all fail. The host waits, so the stream must not be capturing.
size_t fastest_plan(const std::vector<ConvPlan>&, Stream, const RunPlan&);

}  // namespace skein::cuda
