// Reference for kernels/dense_block.h in double, by the computation that it replaces: every reader of a block copies
// its prefix of the features and applies its own batch norm and ReLU. features (rows, channels), row-major.
#pragma once

#include "kernels/reference/batch_norm.h"

namespace skein::reference {

struct DenseBlock {
  using Numbers = std::vector<double>;
  size_t rows, channels;

  Numbers prefix(const Numbers& features, size_t c) const {
    Numbers out;
    for (size_t r = 0; r < rows; ++r)
      out.insert(out.end(), features.begin() + std::ptrdiff_t(r * channels),
                 features.begin() + std::ptrdiff_t(r * channels + c));
    return out;
  }
  // Channels [first, first + c) of a block.
  Numbers part(const Numbers& features, size_t first, size_t c) const {
    Numbers out;
    for (size_t r = 0; r < rows; ++r)
      for (size_t j = first; j < first + c; ++j) out.push_back(features[r * channels + j]);
    return out;
  }

  struct Reader {
    Numbers gamma, beta;
    size_t channels() const { return gamma.size(); }
  };
  Numbers norm(const Numbers& features, const Reader& r) const {
    const BatchNorm bn{rows, r.channels(), true};
    const Numbers x = prefix(features, r.channels());
    return bn.apply(x, r.gamma, r.beta, {}, bn.moments(x));
  }
  // Adds one reader's gradient to dfeatures.
  BatchNorm::Gradients norm_backward(const Numbers& features, const Reader& r, const Numbers& dy,
                                     Numbers& dfeatures) const {
    const BatchNorm bn{rows, r.channels(), true};
    auto d = bn.backward(prefix(features, r.channels()), r.gamma, r.beta, {}, dy);
    for (size_t i = 0; i < d.dx.size(); ++i) dfeatures[i / r.channels() * channels + i % r.channels()] += d.dx[i];
    return d;
  }
};

}  // namespace skein::reference
