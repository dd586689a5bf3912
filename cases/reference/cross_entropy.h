// kernels/cross_entropy.h as plain loops in double.
#pragma once

#include <cmath>
#include <vector>

namespace skein::reference {

struct CrossEntropy {
  using Numbers = std::vector<double>;
  size_t classes;
  std::vector<int32_t> labels;

  double loss(const Numbers& logits) const {
    double total = 0;
    for (size_t r = 0; r < labels.size(); ++r) {
      double sum = 0;
      for (size_t c = 0; c < classes; ++c) sum += std::exp(logits[r * classes + c]);
      total += std::log(sum) - logits[r * classes + size_t(labels[r])];
    }
    return total / double(labels.size());
  }
  Numbers gradient(const Numbers& logits) const {
    Numbers d(logits.size());
    for (size_t r = 0; r < labels.size(); ++r) {
      double sum = 0;
      for (size_t c = 0; c < classes; ++c) sum += std::exp(logits[r * classes + c]);
      for (size_t c = 0; c < classes; ++c)
        d[r * classes + c] =
            (std::exp(logits[r * classes + c]) / sum - (c == size_t(labels[r]) ? 1 : 0)) / double(labels.size());
    }
    return d;
  }
};

}  // namespace skein::reference
