// Draws of the gamma distribution Gamma(alpha, 1), alpha > 0, by Marsaglia and Tsang, "A simple method for generating
// gamma variables", ACM TOMS 26 (2000): a draw of Gamma(alpha + 1) times u^(1/alpha).
#pragma once

#include <cstdint>
#include <functional>

#include "base/random.h"

namespace skein {

// The logarithm of a draw, which a small alpha does not underflow. Takes blocks of random words from `block` on, one or
// more, and advances it.
double log_gamma_draw(double alpha, const std::function<RandomWords(uint32_t)>& words, uint32_t& block);

}  // namespace skein
