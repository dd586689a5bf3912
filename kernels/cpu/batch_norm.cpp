#include "kernels/batch_norm.h"

#include <cmath>
#include <cstring>

#include "base/check.h"
#include "kernels/cpu/batch_norm_loops.h"
#include "kernels/cpu/dialect/workspace.h"

namespace skein::cpu {
namespace {

constexpr int64_t kTile = 256, kChunk = 16384;  // elements, before rounding to whole rows

struct Chunks {
  int64_t channels, rows, tile, chunk, chunks;
  explicit Chunks(View x)
      : channels(x.channels()),
        rows(x.rows()),
        tile(channels * std::max<int64_t>(1, kTile / channels)),
        chunk(tile * std::max<int64_t>(1, kChunk / tile)),
        chunks((rows * channels + chunk - 1) / chunk) {}
  int64_t size(int64_t i) const { return std::min(chunk, rows * channels - i * chunk); }
};

struct Scratch {
  Tiles tiles;
  double* partial;  // (chunks, 2, channels): two sums of every chunk
};

Scratch scratch(const Chunks& l) {
  thread_local Workspace floats, doubles;
  float* f = floats.take<float>(5 * l.tile);
  return {{f, f + l.tile, f + 2 * l.tile, f + 3 * l.tile, f + 4 * l.tile},
          doubles.take<double>(2 * l.chunks * l.channels)};
}

void repeat(const Chunks& l, const float* from, float* to) {
  for (int64_t i = 0; i < l.tile; i += l.channels) std::memcpy(to + i, from, size_t(l.channels) * sizeof(float));
}

// Two sums by channel for every chunk. Calls sums(begin, size, first, second), which adds to two zeroed tiles, and
// reduces the tiles by channel into the chunk's row of `partial`.
template <class Sums>
void sum_chunks(const Chunks& l, double* partial, Sums&& sums) {
  parallel_ranges(l.chunks, 1, [&](int64_t begin, int64_t end) {
    thread_local Workspace workspace;
    float* first = workspace.take<float>(2 * l.tile);
    float* second = first + l.tile;
    for (int64_t i = begin; i < end; ++i) {
      std::memset(first, 0, size_t(2 * l.tile) * sizeof(float));
      sums(i * l.chunk, l.size(i), first, second);
      double* out = partial + i * 2 * l.channels;
      std::fill_n(out, 2 * l.channels, 0.0);
      for (int64_t k = 0; k < l.tile; k += l.channels)
        for (int64_t c = 0; c < l.channels; ++c) out[c] += first[k + c], out[l.channels + c] += second[k + c];
    }
  });
}

struct Sums {
  double first, second;
};
Sums total(const Chunks& l, const double* partial, int64_t channel) {
  Sums s{0, 0};
  for (int64_t i = 0; i < l.chunks; ++i) {
    s.first += partial[i * 2 * l.channels + channel];
    s.second += partial[(i * 2 + 1) * l.channels + channel];
  }
  return s;
}

void check(View x, std::initializer_list<View> images, std::initializer_list<View> vectors) {
  for (const View& v : images)
    CHECK(!v || (v.numel() == x.numel() && v.dtype == x.dtype), "{} elements and {}, of types {} and {}", x.numel(),
          v.numel(), int(x.dtype), int(v.dtype));
  for (const View& v : vectors)
    CHECK(v.numel() == x.channels() && v.dtype == DType::f32, "{} channels, a vector of {}", x.channels(), v.numel());
}

// Element i of v, or null if v is absent.
template <class T>
T* at(View v, int64_t i) {
  return v ? v.as<T>() + i : nullptr;
}

void fill_tiles(const Chunks& l, const float* mean, const float* rstd, View gamma, View beta, const Tiles& t) {
  repeat(l, mean, t.mean);
  repeat(l, beta.as<float>(), t.bias);
  for (int64_t i = 0; i < l.tile; ++i) t.scale[i] = gamma.as<float>()[i % l.channels] * rstd[i % l.channels];
}

void apply_all(const Chunks& l, View x, View residual, bool relu, View y, const Tiles& t) {
  dispatch(x.dtype, [&]<class T>() {
    parallel_ranges(l.chunks, 1, [&](int64_t begin, int64_t end) {
      const int64_t i = begin * l.chunk, n = std::min(end * l.chunk, l.rows * l.channels) - i;
      BatchNormLoops<T>::apply(at<T>(x, i), at<T>(residual, i), relu, at<T>(y, i), n, l.tile, t);
    });
  });
}

}  // namespace

void batch_norm_forward(Stream, View x, View gamma, View beta, View residual, bool relu, float eps,
                        BatchNormRunning running, View y, BatchNormStats saved) {
  const Chunks l(x);
  check(x, {y, residual}, {gamma, beta, saved.mean, saved.rstd});
  if (running.mean) check(x, {}, {running.mean, running.var});
  const Scratch s = scratch(l);
  // Sums of x - shift, with the first row as the shift: a large common mean then costs no digits of the variance.
  dispatch(x.dtype, [&]<class T>() {
    for (int64_t i = 0; i < l.tile; ++i) s.tiles.mean[i] = widen(x.as<T>()[i % l.channels]);
    sum_chunks(l, s.partial, [&](int64_t i, int64_t n, float* sums, float* squares) {
      BatchNormLoops<T>::moments(x.as<T>() + i, n, l.tile, s.tiles.mean, sums, squares);
    });
  });
  const double m = double(l.rows);
  for (int64_t c = 0; c < l.channels; ++c) {
    const auto [sum, squares] = total(l, s.partial, c);
    const double mean = s.tiles.mean[c] + sum / m, var = std::max(0.0, squares / m - (sum / m) * (sum / m));
    saved.mean.as<float>()[c] = float(mean);
    saved.rstd.as<float>()[c] = float(1.0 / std::sqrt(var + double(eps)));
    if (!running.mean) continue;
    auto blend = [&](View to, double value) {
      float& r = to.as<float>()[c];
      r = float((1.0 - double(running.momentum)) * double(r) + double(running.momentum) * value);
    };
    blend(running.mean, mean);
    blend(running.var, l.rows > 1 ? var * m / (m - 1) : var);
  }
  fill_tiles(l, saved.mean.as<float>(), saved.rstd.as<float>(), gamma, beta, s.tiles);
  apply_all(l, x, residual, relu, y, s.tiles);
}

void batch_norm_inference(Stream, View x, View gamma, View beta, View residual, bool relu, float eps,
                          BatchNormRunning running, View y) {
  const Chunks l(x);
  check(x, {y, residual}, {gamma, beta, running.mean, running.var});
  const Scratch s = scratch(l);
  float* rstd = s.tiles.slope;
  for (int64_t c = 0; c < l.channels; ++c) rstd[c] = 1.0f / std::sqrt(running.var.as<float>()[c] + eps);
  fill_tiles(l, running.mean.as<float>(), rstd, gamma, beta, s.tiles);
  apply_all(l, x, residual, relu, y, s.tiles);
}

void batch_norm_backward(Stream, View x, View gamma, View beta, View y, bool relu, BatchNormStats saved, View dy,
                         View dx, View dresidual, View dgamma, View dbeta) {
  const Chunks l(x);
  check(x, {y, dy, dx, dresidual}, {gamma, beta, saved.mean, saved.rstd, dgamma, dbeta});
  const Scratch s = scratch(l);
  const Tiles& t = s.tiles;
  fill_tiles(l, saved.mean.as<float>(), saved.rstd.as<float>(), gamma, beta, t);
  CHECK(!dresidual || !relu || y, "ReLU after a residual is masked by y, which is absent");
  const Mask mask = !relu ? Mask::none : y ? Mask::from_y : Mask::from_x;
  dispatch(x.dtype, [&]<class T>() {
    sum_chunks(l, s.partial, [&](int64_t i, int64_t n, float* sums, float* products) {
      BatchNormLoops<T>::backward_sums(mask, at<T>(x, i), at<T>(y, i), at<T>(dy, i), at<T>(dresidual, i), n, l.tile, t,
                                       sums, products);
    });
  });
  const double m = double(l.rows);
  for (int64_t c = 0; c < l.channels; ++c) {
    const auto [sum, product] = total(l, s.partial, c);
    const double rstd = saved.rstd.as<float>()[c], scale = t.scale[c];
    dbeta.as<float>()[c] = float(sum);
    dgamma.as<float>()[c] = float(product * rstd);
    t.offset[c] = float(scale * sum / m);
    t.slope[c] = float(scale * rstd * rstd * product / m);
  }
  if (!dx) return;
  for (int64_t i = l.channels; i < l.tile; ++i)
    t.offset[i] = t.offset[i - l.channels], t.slope[i] = t.slope[i - l.channels];
  // dresidual is the masked gradient: where it exists, read it instead of dy and skip the mask.
  const View g = dresidual ? dresidual : dy;
  const Mask remaining = dresidual ? Mask::none : mask;
  dispatch(x.dtype, [&]<class T>() {
    parallel_ranges(l.chunks, 1, [&](int64_t begin, int64_t end) {
      const int64_t i = begin * l.chunk, n = std::min(end * l.chunk, l.rows * l.channels) - i;
      BatchNormLoops<T>::backward_apply(remaining, at<T>(x, i), at<T>(y, i), at<T>(g, i), at<T>(dx, i), n, l.tile, t);
    });
  });
}

}  // namespace skein::cpu
