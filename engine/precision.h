// Mixed precision: the one policy of all models. A network computes in the type of the images that it is given: f32 or,
// with --dtype bf16, bf16. No model names a type, and no op chooses one on its own:
//
//   images, activations and their gradients, weights as convolutions read them     activations: f32 or bf16
//   values, gradients and momentum buffers of parameters                           f32; Variable::shadow: bf16 copy
//   parameters and statistics of batch norms, gradients of a dense block           f32
//   from the global average pool on: classifier, loss                              f32
//
// Source: Micikevicius et al. 2018, "Mixed Precision Training", arXiv 1710.03740, section 3.1; without loss scaling,
// since bf16 has the exponents of f32.
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
