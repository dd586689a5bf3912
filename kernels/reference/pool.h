// Reference for kernels/global_average_pool.h, max_pool.h, average_pool.h and downsample.h: plain loops in double.
#pragma once

#include <vector>

#include "kernels/shape.h"

namespace skein::reference {

using Numbers = std::vector<double>;

inline Numbers global_average_pool_forward(const Numbers& x, Shape s) {
  Numbers y(size_t(s[0] * s[3]));
  for (int64_t i = 0; i < s.numel(); ++i)
    y[size_t(i / (s[1] * s[2] * s[3]) * s[3] + i % s[3])] += x[size_t(i)] / double(s[1] * s[2]);
  return y;
}
inline Numbers global_average_pool_backward(const Numbers& dy, Shape s) {
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

// Calls f(output index, input indices) for every output of a pool of stride 2: max pool 3x3 with padding 1, or average
// pool 2x2. The inputs are those of the output's window, in row order.
template <class F>
void for_windows(Shape x, Shape y, int64_t kernel, int64_t padding, F&& f) {
  for (int64_t i = 0; i < y.numel(); ++i) {
    const int64_t c = i % y[3], w = i / y[3] % y[2], h = i / (y[3] * y[2]) % y[1], n = i / (y[3] * y[2] * y[1]);
    std::vector<size_t> taps;
    for (int64_t a = 2 * h - padding; a < 2 * h - padding + kernel; ++a)
      for (int64_t b = 2 * w - padding; b < 2 * w - padding + kernel; ++b)
        if (a >= 0 && a < x[1] && b >= 0 && b < x[2]) taps.push_back(size_t(((n * x[1] + a) * x[2] + b) * x[3] + c));
    f(size_t(i), taps);
  }
}

struct MaxPool {
  Shape x;
  Shape y() const { return {x[0], (x[1] + 1) / 2, (x[2] + 1) / 2, x[3]}; }

  static size_t largest(const Numbers& from, const std::vector<size_t>& taps) {
    size_t best = taps[0];
    for (const size_t t : taps)
      if (from[t] > from[best]) best = t;
    return best;
  }
  Numbers forward(const Numbers& from) const {
    Numbers to(size_t(y().numel()));
    for_windows(x, y(), 3, 1, [&](size_t i, const auto& taps) { to[i] = from[largest(from, taps)]; });
    return to;
  }
  Numbers backward(const Numbers& from, const Numbers& dy) const {
    Numbers dx(size_t(x.numel()));
    for_windows(x, y(), 3, 1, [&](size_t i, const auto& taps) { dx[largest(from, taps)] += dy[i]; });
    return dx;
  }
};

struct AveragePool {
  Shape x;
  Shape y() const { return {x[0], x[1] / 2, x[2] / 2, x[3]}; }

  Numbers forward(const Numbers& from) const {
    Numbers to(size_t(y().numel()));
    for_windows(x, y(), 2, 0, [&](size_t i, const auto& taps) {
      for (const size_t t : taps) to[i] += from[t] / 4;
    });
    return to;
  }
  Numbers backward(const Numbers& dy) const {
    Numbers dx(size_t(x.numel()));
    for_windows(x, y(), 2, 0, [&](size_t i, const auto& taps) {
      for (const size_t t : taps) dx[t] += dy[i] / 4;
    });
    return dx;
  }
};

}  // namespace skein::reference
