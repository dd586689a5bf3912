// Inner loops of kernels/cpu/dense_block.cpp, compiled once per instruction set. They process rows of a pitched buffer
// in vectors of 16 channels, then 4, then 1. Where a layer's few channels are appended, vectors run down a strip of
// channels, with the per-channel values in registers. Where all channels of the block are read, they run along the rows:
// down a strip each row would be a miss that the processor does not foresee.
#pragma once

#include <cstring>

#include "base/simd.h"
#include "kernels/cpu/dialect/bf16_vector.h"

namespace skein::cpu {
namespace {

template <int kLanes>
struct Strip {
  using V = typename Bf16Vector<kLanes>::V;
  [[gnu::always_inline]] static void load(V& v, const float* p) { std::memcpy(&v, p, sizeof v); }
  [[gnu::always_inline]] static void store(float* p, const V& v) { std::memcpy(p, &v, sizeof v); }
  [[gnu::always_inline]] static void load(V& v, const Bf16* p) { Bf16Vector<kLanes>::load(v, p); }
  [[gnu::always_inline]] static void store(Bf16* p, const V& v) { Bf16Vector<kLanes>::store(p, v); }
};

constexpr int64_t kRowsAtOnce = 32;  // rows of a band: with a few hundred channels it stays in L1 or L2

// Calls f(strip, channel, first row, rows) for all channels of a band of rows, band by band.
template <class F>
[[gnu::always_inline]] inline void for_strips(int64_t rows, int64_t channels, F&& f) {
  for (int64_t r = 0; r < rows; r += kRowsAtOnce) {
    const int64_t band = std::min(kRowsAtOnce, rows - r);
    int64_t c = 0;
    for (; c + 16 <= channels; c += 16) f(Strip<16>{}, c, r, band);
    for (; c + 4 <= channels; c += 4) f(Strip<4>{}, c, r, band);
    for (; c < channels; ++c) f(Strip<1>{}, c, r, band);
  }
}

// Calls f(strip, channel, row) along each row.
template <class F>
[[gnu::always_inline]] inline void for_rows(int64_t rows, int64_t channels, F&& f) {
  for (int64_t r = 0; r < rows; ++r) {
    int64_t c = 0;
    for (; c + 16 <= channels; c += 16) f(Strip<16>{}, c, r);
    for (; c + 4 <= channels; c += 4) f(Strip<4>{}, c, r);
    for (; c < channels; ++c) f(Strip<1>{}, c, r);
  }
}

template <class T>
struct Rows {
  T* data;
  int64_t pitch;  // elements from row to row
  T* at(int64_t row, int64_t channel) const { return data + row * pitch + channel; }
};

template <class T>
struct DenseLoops {
  // to = x; sums += x - shift, squares += (x - shift)^2 by channel. If sums is null, only the copy.
  SKEIN_SIMD static void append_rows(Rows<T> x, Rows<T> to, int64_t rows, int64_t channels, const float* shift,
                                     float* sums, float* squares) {
    for_strips(
        rows, channels, [&](auto strip, int64_t c, int64_t first, int64_t band) __attribute__((always_inline)) {
          using S = decltype(strip);
          typename S::V k{}, sum{}, square{}, v;
          if (sums) S::load(k, shift + c), S::load(sum, sums + c), S::load(square, squares + c);
          for (int64_t r = first; r < first + band; ++r) {
            S::load(v, x.at(r, c));
            S::store(to.at(r, c), v);
            v -= k;
            sum += v;
            square += v * v;
          }
          if (sums) S::store(sums + c, sum), S::store(squares + c, square);
        });
  }

  // y = max((x - mean)*scale + bias, 0); NaN stays NaN.
  SKEIN_SIMD static void norm_rows(Rows<T> x, int64_t rows, int64_t channels, const float* mean, const float* scale,
                                   const float* bias, Rows<T> y) {
    for_rows(
        rows, channels, [&](auto strip, int64_t c, int64_t r) __attribute__((always_inline)) {
          using S = decltype(strip);
          typename S::V m, k, b, v;
          S::load(m, mean + c), S::load(k, scale + c), S::load(b, bias + c), S::load(v, x.at(r, c));
          v = (v - m) * k + b;
          v = v < 0.0f ? typename S::V{} : v;
          S::store(y.at(r, c), v);
        });
  }

  // g = dy where y > 0;  dx (+)= scale*g,  sums += g,  products += g*(x - mean).
  template <bool kAdd>
  [[gnu::always_inline]] static void norm_backward_rows_as(Rows<T> x, Rows<T> dy, int64_t rows, int64_t channels,
                                                           const float* mean, const float* scale, const float* bias,
                                                           Rows<float> dx, float* sums, float* products) {
    for_rows(
        rows, channels, [&](auto strip, int64_t c, int64_t r) __attribute__((always_inline)) {
          using S = decltype(strip);
          typename S::V m, k, b, sum, product, v, g, total{};
          S::load(m, mean + c), S::load(k, scale + c), S::load(b, bias + c);
          S::load(sum, sums + c), S::load(product, products + c);
          S::load(v, x.at(r, c)), S::load(g, dy.at(r, c));
          v -= m;
          g = v * k + b > 0.0f ? g : typename S::V{};
          if (kAdd) S::load(total, dx.at(r, c));
          S::store(dx.at(r, c), kAdd ? total + k * g : k * g);
          S::store(sums + c, sum + g), S::store(products + c, product + g * v);
        });
  }

  SKEIN_SIMD static void norm_backward_rows(bool add, Rows<T> x, Rows<T> dy, int64_t rows, int64_t channels,
                                            const float* mean, const float* scale, const float* bias, Rows<float> dx,
                                            float* sums, float* products) {
    add ? norm_backward_rows_as<true>(x, dy, rows, channels, mean, scale, bias, dx, sums, products)
        : norm_backward_rows_as<false>(x, dy, rows, channels, mean, scale, bias, dx, sums, products);
  }

  // dx = d - offset - slope*(x - mean)
  SKEIN_SIMD static void append_backward_rows(Rows<T> x, Rows<float> d, int64_t rows, int64_t channels,
                                              const float* mean, const float* offset, const float* slope, Rows<T> dx) {
    for_strips(
        rows, channels, [&](auto strip, int64_t c, int64_t first, int64_t band) __attribute__((always_inline)) {
          using S = decltype(strip);
          typename S::V m, o, s, v, g;
          S::load(m, mean + c), S::load(o, offset + c), S::load(s, slope + c);
          for (int64_t r = first; r < first + band; ++r) {
            S::load(v, x.at(r, c));
            S::load(g, d.at(r, c));
            S::store(dx.at(r, c), g - o - s * (v - m));
          }
        });
  }
};

}  // namespace
}  // namespace skein::cpu
