// Random directions in the space of a network's parameters, as flat vectors laid out as ParameterStore::value, with
// zeros as padding. Draws depend on seed, number and element alone.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/parameters.h"

namespace skein {

// Independent N(0, 1).
std::vector<float> normal_direction(const ParameterStore& store, uint64_t seed, uint32_t number);
// Independent -1 or +1, each with probability 1/2 (Rademacher).
std::vector<float> sign_direction(const ParameterStore& store, uint64_t seed, uint32_t number);

// normal_direction() whose part for each filter (output of a convolution or linear layer) has the length of that filter
// in w; zero for biases and batch norms (Li et al., "Visualizing the loss landscape of neural nets", arXiv 1712.09913,
// section 4).
std::vector<float> filter_normalised_direction(const ParameterStore& store, std::span<const float> w, uint64_t seed,
                                               uint32_t number);

}  // namespace skein
