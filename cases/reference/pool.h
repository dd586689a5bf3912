// kernels/pool.h and kernels/downsample.h as plain loops in double.
#pragma once

#include <vector>

#include "engine/tensor.h"

namespace skein::reference {

using Numbers = std::vector<double>;

inline Numbers global_pool_forward(const Numbers& x, Shape s) {
  Numbers y(size_t(s[0] * s[3]));
  for (int64_t i = 0; i < s.numel(); ++i)
    y[size_t(i / (s[1] * s[2] * s[3]) * s[3] + i % s[3])] += x[size_t(i)] / double(s[1] * s[2]);
  return y;
}
inline Numbers global_pool_backward(const Numbers& dy, Shape s) {
  Numbers dx(size_t(s.numel()));
  for (int64_t i = 0; i < s.numel(); ++i)
    dx[size_t(i)] = dy[size_t(i / (s[1] * s[2] * s[3]) * s[3] + i % s[3])] / double(s[1] * s[2]);
  return dx;
}

struct Downsample {
  Shape x;
  int64_t stride, out;
  Shape y() const { return {x[0], (x[1] + stride - 1) / stride, (x[2] + stride - 1) / stride, out}; }

  // Calls f(index into x, index into y) for every number that is kept.
  template <class F>
  void pairs(F&& f) const {
    const Shape to = y();
    for (int64_t n = 0; n < to[0]; ++n)
      for (int64_t h = 0; h < to[1]; ++h)
        for (int64_t w = 0; w < to[2]; ++w)
          for (int64_t c = 0; c < x[3]; ++c)
            f(size_t(((n * x[1] + h * stride) * x[2] + w * stride) * x[3] + c),
              size_t(((n * to[1] + h) * to[2] + w) * out + c));
  }
  Numbers forward(const Numbers& from) const {
    Numbers to(size_t(y().numel()));
    pairs([&](size_t i, size_t j) { to[j] = from[i]; });
    return to;
  }
  Numbers backward(const Numbers& dy) const {
    Numbers dx(size_t(x.numel()));
    pairs([&](size_t i, size_t j) { dx[i] = dy[j]; });
    return dx;
  }
};

}  // namespace skein::reference
