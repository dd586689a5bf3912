// Inner loops of kernels/cpu/batch_norm.cpp, compiled once per instruction set. The channel of element i is i % C. Rows
// are processed as one flat array in tiles of C*k floats; per-channel vectors are repeated k times beforehand, so the
// loops over a tile do not depend on C. n is a number of elements, which are of type T.
#pragma once

#include "base/simd.h"
#include "kernels/cpu/dialect/element.h"

namespace skein::cpu {
namespace {

// Per-channel vectors repeated over a tile.
struct Tiles {
  float *mean, *scale, *bias;  // scale = gamma*rstd, bias = beta
  float *offset, *slope;       // backward pass: dx = scale*g - offset - slope*(x - mean)
};

// ReLU mask of dy: none, y recomputed from x, or y as stored.
enum class Mask { none, from_x, from_y };

template <class T>
struct BatchNormLoops {
  // sums[i] += x - shift, squares[i] += (x - shift)^2 by position in the tile.
  SKEIN_SIMD static void moments(const T* __restrict x, int64_t n, int64_t tile, const float* __restrict shift,
                                 float* __restrict sums, float* __restrict squares) {
    for (int64_t begin = 0; begin < n; begin += tile) {
      const int64_t size = std::min(tile, n - begin);
      for (int64_t i = 0; i < size; ++i) {
        const float d = widen(x[begin + i]) - shift[i];
        sums[i] += d;
        squares[i] += d * d;
      }
    }
  }

  template <bool kResidual, bool kRelu>
  [[gnu::always_inline]] static void apply_as(const T* x, const T* residual, T* y, int64_t n, int64_t tile,
                                              const Tiles& t) {
    const float* __restrict mean = t.mean, * __restrict scale = t.scale, * __restrict bias = t.bias;
    for (int64_t begin = 0; begin < n; begin += tile) {
      const int64_t size = std::min(tile, n - begin);
      SKEIN_INDEPENDENT
      for (int64_t i = 0; i < size; ++i) {
        float v = (widen(x[begin + i]) - mean[i]) * scale[i] + bias[i];
        if (kResidual) v += widen(residual[begin + i]);
        put(y[begin + i], kRelu ? (v < 0.0f ? 0.0f : v) : v);  // NaN stays NaN
      }
    }
  }

  SKEIN_SIMD static void apply(const T* x, const T* residual, bool relu, T* y, int64_t n, int64_t tile,
                               const Tiles& t) {
    if (residual)
      relu ? apply_as<true, true>(x, residual, y, n, tile, t) : apply_as<true, false>(x, residual, y, n, tile, t);
    else
      relu ? apply_as<false, true>(x, residual, y, n, tile, t) : apply_as<false, false>(x, residual, y, n, tile, t);
  }

  // g = masked dy;  sums += g, products += g*(x - mean);  kept = g with kKeep (the gradient of the residual).
  template <Mask kMask, bool kKeep>
  [[gnu::always_inline]] static void backward_sums_as(const T* x, const T* y, const T* dy, T* kept, int64_t n,
                                                      int64_t tile, const Tiles& t, float* __restrict sums,
                                                      float* __restrict products) {
    const float* __restrict mean = t.mean, * __restrict scale = t.scale, * __restrict bias = t.bias;
    for (int64_t begin = 0; begin < n; begin += tile) {
      const int64_t size = std::min(tile, n - begin);
      SKEIN_INDEPENDENT
      for (int64_t i = 0; i < size; ++i) {
        const float d = widen(x[begin + i]) - mean[i];
        float g = widen(dy[begin + i]);
        if (kMask == Mask::from_x) g = d * scale[i] + bias[i] > 0.0f ? g : 0.0f;
        if (kMask == Mask::from_y) g = widen(y[begin + i]) > 0.0f ? g : 0.0f;
        if (kKeep) put(kept[begin + i], g);
        sums[i] += g;
        products[i] += g * d;
      }
    }
  }

  SKEIN_SIMD static void backward_sums(Mask mask, const T* x, const T* y, const T* dy, T* kept, int64_t n, int64_t tile,
                                       const Tiles& t, float* sums, float* products) {
    if (kept && mask == Mask::from_y)
      backward_sums_as<Mask::from_y, true>(x, y, dy, kept, n, tile, t, sums, products);
    else if (kept)
      backward_sums_as<Mask::none, true>(x, y, dy, kept, n, tile, t, sums, products);
    else if (mask == Mask::from_y)
      backward_sums_as<Mask::from_y, false>(x, y, dy, kept, n, tile, t, sums, products);
    else if (mask == Mask::from_x)
      backward_sums_as<Mask::from_x, false>(x, y, dy, kept, n, tile, t, sums, products);
    else
      backward_sums_as<Mask::none, false>(x, y, dy, kept, n, tile, t, sums, products);
  }

  // dx = scale*g - offset - slope*(x - mean)
  template <Mask kMask>
  [[gnu::always_inline]] static void backward_apply_as(const T* x, const T* y, const T* g, T* dx, int64_t n,
                                                       int64_t tile, const Tiles& t) {
    const float* __restrict mean = t.mean, * __restrict scale = t.scale, * __restrict bias = t.bias;
    const float* __restrict offset = t.offset, * __restrict slope = t.slope;
    for (int64_t begin = 0; begin < n; begin += tile) {
      const int64_t size = std::min(tile, n - begin);
      SKEIN_INDEPENDENT
      for (int64_t i = 0; i < size; ++i) {
        const float d = widen(x[begin + i]) - mean[i];
        float v = widen(g[begin + i]);
        if (kMask == Mask::from_x) v = d * scale[i] + bias[i] > 0.0f ? v : 0.0f;
        if (kMask == Mask::from_y) v = widen(y[begin + i]) > 0.0f ? v : 0.0f;
        put(dx[begin + i], scale[i] * v - offset[i] - slope[i] * d);
      }
    }
  }

  SKEIN_SIMD static void backward_apply(Mask mask, const T* x, const T* y, const T* g, T* dx, int64_t n, int64_t tile,
                                        const Tiles& t) {
    if (mask == Mask::from_x)
      backward_apply_as<Mask::from_x>(x, y, g, dx, n, tile, t);
    else if (mask == Mask::from_y)
      backward_apply_as<Mask::from_y>(x, y, g, dx, n, tile, t);
    else
      backward_apply_as<Mask::none>(x, y, g, dx, n, tile, t);
  }
};

}  // namespace
}  // namespace skein::cpu
