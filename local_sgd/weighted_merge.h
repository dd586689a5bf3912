// The merge of algorithm 1 where workers have trained on different numbers of samples n_k, and come and go: consensus
// c, parameters w_k, running statistics s_k, sums in the order of the list, rounded after every term.
//
//   Delta = sum over k of (n_k / sum of n) (c - w_k);   c = c - Delta, or an outer step (local_sgd/outer_step.h)
//   s     = sum over k of (n_k / sum of n) s_k
//
// The result is a function of the list alone: whoever computes it gets the same bits.
#pragma once

#include <span>

#include "engine/tensor.h"

namespace skein {

struct WeightedTerm {
  View vector;      // f32
  int64_t samples;  // n_k, at least 1
};

// mean <- the weighted mean of the terms. CHECK fails where there are none, or where sizes differ.
void weighted_mean(std::span<const WeightedTerm> terms, View mean, Queue queue);

}  // namespace skein
