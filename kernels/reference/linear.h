// Reference for kernels/linear.h: plain loops in double. x (rows, in), w (out, in), y (rows, out), row-major.
#pragma once

#include <vector>

namespace skein::reference {

struct Linear {
  using Numbers = std::vector<double>;
  size_t rows, in, out;

  Numbers forward(const Numbers& x, const Numbers& w, const Numbers& b) const {
    Numbers y(rows * out);
    for (size_t r = 0; r < rows; ++r)
      for (size_t o = 0; o < out; ++o) {
        y[r * out + o] = b[o];
        for (size_t i = 0; i < in; ++i) y[r * out + o] += x[r * in + i] * w[o * in + i];
      }
    return y;
  }
  Numbers backward_x(const Numbers& dy, const Numbers& w) const {
    Numbers dx(rows * in);
    for (size_t r = 0; r < rows; ++r)
      for (size_t o = 0; o < out; ++o)
        for (size_t i = 0; i < in; ++i) dx[r * in + i] += dy[r * out + o] * w[o * in + i];
    return dx;
  }
  Numbers backward_w(const Numbers& x, const Numbers& dy) const {
    Numbers dw(out * in);
    for (size_t r = 0; r < rows; ++r)
      for (size_t o = 0; o < out; ++o)
        for (size_t i = 0; i < in; ++i) dw[o * in + i] += dy[r * out + o] * x[r * in + i];
    return dw;
  }
  Numbers backward_b(const Numbers& dy) const {
    Numbers db(out);
    for (size_t i = 0; i < dy.size(); ++i) db[i % out] += dy[i];
    return db;
  }
};

}  // namespace skein::reference
