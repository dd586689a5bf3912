// Compiled apart and optimised in every build: the tests take most of their time here.
#include "kernels/reference/conv.h"

namespace skein::reference {
namespace {

// Calls f(index into x, into w, into y) for every product of the convolution.
template <class F>
void products(const Conv& conv, F&& f) {
  const Shape x = conv.x, w = conv.w, y = conv.y();
  const ConvGeometry g = conv.g;
  for (int64_t n = 0; n < y[0]; ++n)
    for (int64_t h = 0; h < y[1]; ++h)
      for (int64_t v = 0; v < y[2]; ++v)
        for (int64_t o = 0; o < w[0]; ++o)
          for (int64_t i = 0; i < w[1]; ++i)
            for (int64_t j = 0; j < w[2]; ++j) {
              const int64_t a = h * g.stride + i - g.padding, b = v * g.stride + j - g.padding;
              if (a < 0 || a >= x[1] || b < 0 || b >= x[2]) continue;
              for (int64_t c = 0; c < x[3]; ++c)
                f(size_t(((n * x[1] + a) * x[2] + b) * x[3] + c), size_t(((o * w[1] + i) * w[2] + j) * w[3] + c),
                  size_t(((n * y[1] + h) * y[2] + v) * w[0] + o));
            }
}

}  // namespace

std::vector<double> Conv::forward(const std::vector<double>& xs, const std::vector<double>& ws) const {
  std::vector<double> ys(size_t(y().numel()));
  products(*this, [&](size_t a, size_t b, size_t c) { ys[c] += xs[a] * ws[b]; });
  return ys;
}

std::vector<double> Conv::backward_data(const std::vector<double>& dy, const std::vector<double>& ws) const {
  std::vector<double> dx(size_t(x.numel()));
  products(*this, [&](size_t a, size_t b, size_t c) { dx[a] += dy[c] * ws[b]; });
  return dx;
}

std::vector<double> Conv::backward_weights(const std::vector<double>& xs, const std::vector<double>& dy) const {
  std::vector<double> dw(size_t(w.numel()));
  products(*this, [&](size_t a, size_t b, size_t c) { dw[b] += dy[c] * xs[a]; });
  return dw;
}

}  // namespace skein::reference
