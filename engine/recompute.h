// Memory for time (Chen et al. 2016, "sublinear memory cost"): where Tape::recompute is set, a block of a model keeps
// its input and its output, and nothing of what it made between them. When backward() comes to it, it runs again, on
// the same memory the other blocks use for it, and is unwound at once. The bits are those of a block that kept all: a
// kernel gives the same on the same operands, dropout draws by step and layer, and running statistics are updated by
// the first run alone. A step costs one more forward pass of the blocks.
//
// The block must not change its input nor be its last user (add_to, DenseFeatures::append), and outlive the step.
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
