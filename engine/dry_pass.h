// A training pass without computation: no kernel runs and no memory is allocated. It tells what a step would hold.
#pragma once

#include <functional>

#include "engine/parameters.h"
#include "kernels/device/queue.h"

namespace skein {

struct DryPass {
  size_t forward = 0;  // bytes that the arena holds at the fullest of the forward pass
  size_t step = 0;     // ... of the whole step, and the images
};

// Forward and backward pass for images (N,H,W,C). The network's parameters are planned (ParameterStore::plan).
// `observer` sees every kernel; after_forward() is called between the passes.
DryPass dry_pass(const std::function<Var(const Var&)>& network, Shape images, DType type, bool recompute,
                 const KernelObserver& observer, const std::function<void()>& after_forward);

// Bytes of what planned parameters take: values, gradients, momenta, bf16 shadow and running statistics.
size_t planned_bytes(const ParameterStore& parameters);

}  // namespace skein
