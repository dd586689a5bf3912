// Mixed precision: the one policy of all models. A network computes in the type of the images that it is given, f32 or,
// on a GPU with --dtype bf16, bf16; a model names no type, and no op decides on one of its own:
//
//   images, activations and their gradients, the weights that convolutions read    activations
//   values, gradients and momenta of parameters                                    f32: the masters, see shadow
//   parameters and statistics of batch norms, gradients of a dense block           f32
//   from the global average pool on: classifier, loss                              f32
#pragma once

#include "engine/tape.h"

namespace skein {

struct Precision {
  DType activations = DType::f32;
  static constexpr DType statistics = DType::f32, classifier = DType::f32;

  static Precision of(const Var& x) { return {x->value.dtype()}; }
  const Tensor& weights(const Var& w) const { return activations == DType::bf16 ? w->shadow : w->value; }
};

}  // namespace skein
