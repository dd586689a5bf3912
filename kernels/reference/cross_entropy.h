// Reference for kernels/cross_entropy.h: plain loops in double. logits (rows, classes), row-major.
#pragma once

#include <cmath>
#include <vector>

namespace skein::reference {

struct CrossEntropy {
  using Numbers = std::vector<double>;
  size_t classes;
  std::vector<int32_t> labels;
  std::vector<int32_t> second = {};  // empty: rows have one label
  Numbers weight = {};               // of the first label
  double smoothing = 0;

  // Number of rows in which fewer than `most` classes rank above the counted label. A class ranks above it with a
  // larger logit, or with an equal logit and a smaller index.
  double correct(const Numbers& logits, size_t most) const {
    double count = 0;
    for (size_t r = 0; r < labels.size(); ++r) {
      const size_t label = size_t(second.empty() || weight[r] >= 0.5 ? labels[r] : second[r]);
      const double* l = logits.data() + r * classes;
      size_t above = 0;
      for (size_t c = 0; c < classes; ++c) above += l[c] > l[label] || (l[c] == l[label] && c < label) ? 1 : 0;
      count += above < most ? 1 : 0;
    }
    return count;
  }
  double target(size_t row, size_t c) const {
    const double first = c == size_t(labels[row]) ? 1 : 0;
    const double hard =
        second.empty() ? first : weight[row] * first + (1 - weight[row]) * (c == size_t(second[row]) ? 1 : 0);
    return (1 - smoothing) * hard + smoothing / double(classes);
  }
  double loss(const Numbers& logits) const {
    double total = 0;
    for (size_t r = 0; r < labels.size(); ++r) {
      double sum = 0, chosen = 0;
      for (size_t c = 0; c < classes; ++c) {
        sum += std::exp(logits[r * classes + c]);
        chosen += target(r, c) * logits[r * classes + c];
      }
      total += std::log(sum) - chosen;
    }
    return total / double(labels.size());
  }
  Numbers gradient(const Numbers& logits) const {
    Numbers d(logits.size());
    for (size_t r = 0; r < labels.size(); ++r) {
      double sum = 0;
      for (size_t c = 0; c < classes; ++c) sum += std::exp(logits[r * classes + c]);
      for (size_t c = 0; c < classes; ++c)
        d[r * classes + c] = (std::exp(logits[r * classes + c]) / sum - target(r, c)) / double(labels.size());
    }
    return d;
  }
};

}  // namespace skein::reference
