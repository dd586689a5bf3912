// Activation checkpointing (gradient checkpointing): memory for time. Chen et al. 2016, "Training Deep Nets with
// Sublinear Memory Cost", arXiv 1604.06174. Called recompute here, since "checkpoint" is a file in this program.
//
// With Tape::recompute set, a block of a model keeps its input and its output but no activations in between. backward()
// runs the block again when it reaches it, in memory that all blocks share, and differentiates it at once. Cost: one
// more forward pass of the blocks per step.
//
// The bits are those of a block that keeps its activations: a kernel gives the same result for the same operands,
// dropout draws by (step, layer), and running statistics are updated by the first run only.
//
// The block must outlive the step. It must not change its input or release it (add_to, DenseFeatures::append).
#pragma once

#include "base/check.h"
#include "engine/dense_features.h"
#include "engine/tape.h"

namespace skein {

template <class Block>
Var recompute(const Block& block, const Var& x) {
  const Var y = x->tape->run_block([&block, x] { return block(x); });
  CHECK(!x->released, "a block that is run again for its gradients was the last user of its input");
  return y;
}
template <class Block>
Var recompute(const Block& block, const DenseFeatures& x) {
  return x.tape().run_block([&block, x] { return block(x); });
}
template <class Block, class Input>
Var recompute(const Block&&, const Input&) = delete;

}  // namespace skein
