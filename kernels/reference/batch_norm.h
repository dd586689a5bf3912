// Reference for kernels/batch_norm.h: plain loops in double, two passes for the variance, one channel at a time. Arrays
// (rows, channels), row-major.
#pragma once

#include <cmath>
#include <vector>

namespace skein::reference {

struct BatchNorm {
  using Numbers = std::vector<double>;
  size_t rows, channels;
  bool relu;
  double eps = 1e-5;

  struct Moments {
    Numbers mean, var;
  };
  struct Gradients {
    Numbers dx, dresidual, dgamma, dbeta;
  };

  Moments moments(const Numbers& x) const {
    Moments m{Numbers(channels), Numbers(channels)};
    for (size_t c = 0; c < channels; ++c) {
      for (size_t r = 0; r < rows; ++r) m.mean[c] += x[r * channels + c] / double(rows);
      for (size_t r = 0; r < rows; ++r) m.var[c] += std::pow(x[r * channels + c] - m.mean[c], 2) / double(rows);
    }
    return m;
  }

  // residual may be empty.
  Numbers apply(const Numbers& x, const Numbers& gamma, const Numbers& beta, const Numbers& residual,
                const Moments& m) const {
    Numbers y(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t c = i % channels;
      y[i] = gamma[c] * (x[i] - m.mean[c]) / std::sqrt(m.var[c] + eps) + beta[c];
      if (!residual.empty()) y[i] += residual[i];
      if (relu) y[i] = std::max(y[i], 0.0);
    }
    return y;
  }

  Gradients backward(const Numbers& x, const Numbers& gamma, const Numbers& beta, const Numbers& residual,
                     const Numbers& dy) const {
    const Moments m = moments(x);
    const Numbers y = apply(x, gamma, beta, residual, m);
    Gradients d{Numbers(x.size()), dy, Numbers(channels), Numbers(channels)};
    for (size_t i = 0; i < x.size(); ++i)
      if (relu && y[i] <= 0) d.dresidual[i] = 0;
    for (size_t c = 0; c < channels; ++c) {
      const double rstd = 1 / std::sqrt(m.var[c] + eps);
      for (size_t i = c; i < x.size(); i += channels) {
        d.dbeta[c] += d.dresidual[i];
        d.dgamma[c] += d.dresidual[i] * (x[i] - m.mean[c]) * rstd;
      }
      for (size_t i = c; i < x.size(); i += channels)
        d.dx[i] = gamma[c] * rstd / double(rows) *
                  (double(rows) * d.dresidual[i] - d.dbeta[c] - (x[i] - m.mean[c]) * rstd * d.dgamma[c]);
    }
    return d;
  }
};

}  // namespace skein::reference
