#include "data/loading/gamma_draw.h"

#include <cmath>

namespace skein {

double log_gamma_draw(double alpha, const std::function<RandomWords(uint32_t)>& words, uint32_t& block) {
  const double d = alpha + 1 - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  const auto positive = [](uint32_t word) { return (double(word) + 1) * 0x1p-32; };
  for (;;) {
    const RandomWords w = words(block++);
    const double x = normal(w[0], w[1]), v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log(positive(w[2])) < 0.5 * x * x + d - d * v + d * std::log(v))
      return std::log(d * v) + std::log(positive(w[3])) / alpha;
  }
}

}  // namespace skein
