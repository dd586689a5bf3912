// Division of n samples of C classes among K workers so that each has class proportions of its own, after Hsu, Qi and
// Brown, "Measuring the effects of non-identical data distribution for federated visual classification", arXiv
// 1909.06335, section 3:
//
//   q_k ~ Dirichlet(alpha C p)       proportions of worker k; p: those of all samples. With classes of equal size every
//                                    parameter is alpha, and the source's alpha is C times this one
//
// The workers take turns until each has floor(n/K) samples. In a turn, a worker draws a class by its proportions among
// the classes that have samples left, and takes that class's next sample. (The source serves one worker after the
// other, so that the last one takes what the others left.) A large alpha gives every worker the proportions of all, a
// small one a single class, until that is used up.
//
// Every rank computes the whole division, in every epoch again: nothing is communicated, a resumed run has the same.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace skein {

// Logarithms of a worker's weights, q_kc = exp(w_c) / sum over c of exp(w_c): draws of Gamma(alpha C p_c). A class
// without samples has minus infinity. counts: samples by class.
std::vector<double> dirichlet_weights(double alpha, uint64_t seed, int64_t rank, std::span<const int64_t> counts);

// Samples of worker `rank`. order: all samples, in the order in which those of a class are given away.
std::vector<int32_t> dirichlet_part(double alpha, uint64_t seed, std::span<const int32_t> labels,
                                    std::span<const int32_t> order, int64_t workers, int64_t rank);

}  // namespace skein
