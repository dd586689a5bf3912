// Kernels of kernels/dense_block.h, bytes per element of s bytes. Two more kernels add the sums of the strips in order.
//   append_kernel           2s      copies new channels into the block, two sums per strip of rows
//   norm_kernel             2s      normalises a prefix of the channels; running_kernel updates the running statistics
//   norm_backward_kernel    2s + 8  adds one reader's gradient to dfeatures, two sums per strip (2s + 4: overwrites)
//   append_backward_kernel  2s + 4  dx = dfeatures - offset - slope*(x - mean)
#include <numeric>

#include "kernels/cuda/dialect/columns.h"
#include "kernels/cuda/dialect/workspace_lock.h"
#include "kernels/dense_block.h"
#include "kernels/device/runtime.h"

namespace skein::cuda {
namespace {

// for_rows() of columns.h for operands with different pitches: calls use(row, load(row)).
template <int kUnroll, class Load, class Use>
__device__ void for_row_numbers(const Columns& c, const ThreadPosition& p, Load&& load, Use&& use) {
  using Loaded = decltype(load(int64_t{0}));
  const int step = c.strips * c.height;
  for (int row = p.strip * c.height + p.row; row < c.rows; row += kUnroll * step) {
    Loaded loaded[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u)
      if (row + u * step < c.rows) loaded[u] = load(int64_t{row + u * step});
#pragma unroll
    for (int u = 0; u < kUnroll; ++u)
      if (row + u * step < c.rows) use(int64_t{row + u * step}, loaded[u]);
  }
}

// Some channels of every row; `pitch` is the number of elements from row to row.
template <class T>
struct Rows {
  T* data;
  int64_t pitch;
  __device__ T* at(int64_t row) const { return data + row * pitch; }
  __device__ Rows right(int64_t channels) const { return {data + channels, pitch}; }
};

template <class T>
Rows<T> rows_of(View v, int64_t first = 0) {
  return {v.as<T>() + first, v.channels()};
}

// partial (strips, 2, C): as in moments_kernel of batch_norm.cu; null: no statistics.
template <class T, int kWidth>
__global__ void __launch_bounds__(kBlock) append_kernel(Rows<T> x, Rows<T> to, Columns c, float* partial) {
  const ThreadPosition p = thread_position(c);
  float sums[2 * kWidth] = {};
  if (p.active) {
    x = x.right(p.group * kWidth), to = to.right(p.group * kWidth);
    const Pack<T, kWidth> shift = load<kWidth>(x.data);
    for_row_numbers<4>(
        c, p, [&](int64_t row) { return load<kWidth>(x.at(row)); },
        [&](int64_t row, const Pack<T, kWidth>& in) {
#pragma unroll
          for (int k = 0; k < kWidth; ++k) {
            const float d = in[k] - shift[k];
            sums[k] += d;
            sums[kWidth + k] += d * d;
          }
          store(to.at(row), in);
        });
  }
  if (!partial) return;
  sum_rows(sums, p.row, c.width, c.height);
  if (p.active && p.row == 0) store_sums<kWidth>(partial, c, p, sums);
}

template <class T>
__global__ void __launch_bounds__(kBlock)
    append_statistics_kernel(const T* x, const float* partial, Columns c, int channels, float* mean, float* var) {
  const Totals total = add_sums(partial, c.strips, channels);
  if (!total.owns) return;
  const float m = float(c.rows), d = total.first / m;
  mean[total.channel] = load<1>(x + total.channel)[0] + d;
  var[total.channel] = fmaxf(total.second / m - d * d, 0.0f);
}

struct DenseNormalisation {
  const float *mean, *var, *gamma, *beta;
  float eps;
};

template <int kWidth>
struct NormConstants {
  float mean[kWidth], scale[kWidth], beta[kWidth];
};

// Used forward and backward: the same arithmetic, so that the backward mask agrees with y bit for bit.
template <int kWidth>
__device__ NormConstants<kWidth> load_constants(const DenseNormalisation& n, int channel) {
  const auto mean = load<kWidth>(n.mean + channel), var = load<kWidth>(n.var + channel);
  const auto gamma = load<kWidth>(n.gamma + channel), beta = load<kWidth>(n.beta + channel);
  NormConstants<kWidth> out;
#pragma unroll
  for (int k = 0; k < kWidth; ++k) {
    out.mean[k] = mean[k], out.beta[k] = beta[k];
    out.scale[k] = gamma[k] * (1.0f / sqrtf(var[k] + n.eps));
  }
  return out;
}

template <class T, int kWidth>
__global__ void __launch_bounds__(kBlock) norm_kernel(Rows<const T> x, DenseNormalisation n, Rows<T> y, Columns c) {
  const ThreadPosition p = thread_position(c);
  if (!p.active) return;
  const int channel = p.group * kWidth;
  const NormConstants<kWidth> a = load_constants<kWidth>(n, channel);
  x = x.right(channel), y = y.right(channel);
  for_row_numbers<4>(
      c, p, [&](int64_t row) { return load<kWidth>(x.at(row)); },
      [&](int64_t row, const Pack<T, kWidth>& in) {
        float out[kWidth];
#pragma unroll
        for (int k = 0; k < kWidth; ++k) {
          out[k] = (in[k] - a.mean[k]) * a.scale[k] + a.beta[k];
          out[k] = out[k] < 0.0f ? 0.0f : out[k];  // NaN stays NaN
        }
        store(y.at(row), out);
      });
}

__global__ void __launch_bounds__(kBlock)
    running_kernel(const float* mean, const float* var, int channels, float momentum, float correction,
                   float* running_mean, float* running_var) {
  const int c = int(blockIdx.x) * kBlock + int(threadIdx.x);
  if (c >= channels) return;
  running_mean[c] = (1.0f - momentum) * running_mean[c] + momentum * mean[c];
  running_var[c] = (1.0f - momentum) * running_var[c] + momentum * (var[c] * correction);
}

template <class T, int kWidth>
struct NormInputs {
  Pack<T, kWidth> x, dy;
  Pack<float, kWidth> dx;
};

template <class T, int kWidth, bool kAdd>
__global__ void __launch_bounds__(kBlock) norm_backward_kernel(Rows<const T> x, Rows<const T> dy, DenseNormalisation n,
                                                               Rows<float> dx, Columns c, float* partial) {
  const ThreadPosition p = thread_position(c);
  float sums[2 * kWidth] = {};
  if (p.active) {
    const int channel = p.group * kWidth;
    const NormConstants<kWidth> a = load_constants<kWidth>(n, channel);
    x = x.right(channel), dy = dy.right(channel), dx = dx.right(channel);
    for_row_numbers<2>(
        c, p,
        [&](int64_t row) {
          NormInputs<T, kWidth> in;
          in.x = load<kWidth>(x.at(row));
          in.dy = load<kWidth>(dy.at(row));
          if constexpr (kAdd) in.dx = load<kWidth>(dx.at(row));
          return in;
        },
        [&](int64_t row, const NormInputs<T, kWidth>& in) {
          float out[kWidth];
#pragma unroll
          for (int k = 0; k < kWidth; ++k) {
            const float d = in.x[k] - a.mean[k], g = d * a.scale[k] + a.beta[k] > 0.0f ? in.dy[k] : 0.0f;
            sums[k] += g;
            sums[kWidth + k] += g * d;
            out[k] = a.scale[k] * g;
            if constexpr (kAdd) out[k] += in.dx[k];
          }
          store(dx.at(row), out);
        });
  }
  sum_rows(sums, p.row, c.width, c.height);
  if (p.active && p.row == 0) store_sums<kWidth>(partial, c, p, sums);
}

struct Results {
  float *dgamma, *dbeta, *offset, *slope;
};

__global__ void __launch_bounds__(kBlock)
    norm_totals_kernel(const float* partial, Columns c, int channels, DenseNormalisation n, bool add, Results out) {
  const Totals total = add_sums(partial, c.strips, channels);
  if (!total.owns) return;
  const int i = total.channel;
  const float m = float(c.rows), rstd = 1.0f / sqrtf(n.var[i] + n.eps), scale = n.gamma[i] * rstd;
  out.dbeta[i] = total.first;
  out.dgamma[i] = rstd * total.second;
  out.offset[i] = (add ? out.offset[i] : 0.0f) + scale * total.first / m;
  out.slope[i] = (add ? out.slope[i] : 0.0f) + scale * rstd * rstd * total.second / m;
}

template <class T, int kWidth>
struct AppendInputs {
  Pack<T, kWidth> x;
  Pack<float, kWidth> d;
};

template <class T, int kWidth>
__global__ void __launch_bounds__(kBlock)
    append_backward_kernel(Rows<const T> x, Rows<const float> d, const float* mean, const float* offset,
                           const float* slope, Rows<T> dx, Columns c) {
  const ThreadPosition p = thread_position(c);
  if (!p.active) return;
  const int channel = p.group * kWidth;
  const auto m = load<kWidth>(mean + channel), o = load<kWidth>(offset + channel), s = load<kWidth>(slope + channel);
  x = x.right(channel), d = d.right(channel), dx = dx.right(channel);
  for_row_numbers<4>(
      c, p,
      [&](int64_t row) {
        return AppendInputs<T, kWidth>{load<kWidth>(x.at(row)), load<kWidth>(d.at(row))};
      },
      [&](int64_t row, const AppendInputs<T, kWidth>& in) {
        float out[kWidth];
#pragma unroll
        for (int k = 0; k < kWidth; ++k) out[k] = in.d[k] - o[k] - s[k] * (in.x[k] - m[k]);
        store(dx.at(row), out);
      });
}

// dispatch_columns() for channels [first, first + dense.channels()): the width must divide all three channel numbers.
template <class F>
void dispatch_slice(View features, View dense, int64_t first, std::initializer_list<View> vectors, F&& body) {
  CHECK(features.rows() == dense.rows() && features.dtype == dense.dtype && first >= 0 &&
            first + dense.channels() <= features.channels(),
        "channels [{}, {}) of a block of {} rows and {} channels, {} rows", first, first + dense.channels(),
        features.rows(), features.channels(), dense.rows());
  bool aligned = true;
  for (const View& v : vectors) {
    CHECK(!v || v.dtype == DType::f32, "a vector of type {}", int(v.dtype));
    aligned = aligned && is_aligned(v.data, 16);
  }
  const int64_t common = std::gcd(std::gcd(features.channels(), dense.channels()), first);
  dispatch_columns(features.dtype, aligned ? common : 1, {features.data, dense.data}, body);
}

DenseNormalisation normalisation(DenseStats stats, View gamma, View beta, float eps) {
  return {stats.mean.as<float>(), stats.var.as<float>(), gamma.as<float>(), beta.as<float>(), eps};
}

float* sums_of(Stream stream, const Columns& c, int64_t channels) {
  return static_cast<float*>(workspace(stream, size_t(c.strips) * 2 * size_t(channels) * sizeof(float)));
}

}  // namespace

void dense_append(Stream stream, View x, int64_t first, View features, DenseStats stats) {
  const int64_t channels = x.channels();
  dispatch_slice(features, x, first, {stats.mean, stats.var}, [&]<class T, int kWidth>() {
    const Columns c = columns(x.rows(), channels / kWidth, 4, 4);
    const auto held = hold_workspace(stream);
    float* partial = stats.mean ? sums_of(stream, c, channels) : nullptr;
    launch(append_kernel<T, kWidth>, c.blocks(), kBlock, stream, rows_of<T>(x), rows_of<T>(features, first), c,
           partial);
    if (!partial) return;
    launch(append_statistics_kernel<T>, ceil_div(channels, kTotalWidth), kBlock, stream, x.as<T>(), partial, c,
           int(channels), stats.mean.as<float>() + first, stats.var.as<float>() + first);
  });
}

void dense_norm(Stream stream, View features, DenseStats stats, View gamma, View beta, float eps,
                BatchNormRunning running, View y) {
  const int64_t channels = y.channels();
  dispatch_slice(features, y, 0, {stats.mean, stats.var, gamma, beta}, [&]<class T, int kWidth>() {
    const Columns c = columns(y.rows(), channels / kWidth, 4, 4);
    launch(norm_kernel<T, kWidth>, c.blocks(), kBlock, stream, rows_of<const T>(features),
           normalisation(stats, gamma, beta, eps), rows_of<T>(y), c);
  });
  if (!running.mean) return;
  const float m = float(y.rows());
  launch(running_kernel, ceil_div(channels, kBlock), kBlock, stream, stats.mean.as<float>(), stats.var.as<float>(),
         int(channels), running.momentum, m > 1.0f ? m / (m - 1.0f) : 1.0f, running.mean.as<float>(),
         running.var.as<float>());
}

void dense_norm_backward(Stream stream, View features, DenseStats stats, View gamma, View beta, float eps, View dy,
                         bool add, View dfeatures, DenseSums sums, View dgamma, View dbeta) {
  const int64_t channels = dy.channels();
  CHECK(dfeatures.numel() == features.numel() && (add || channels == features.channels()),
        "the first reader of a block to go backwards must have read all {} channels, not {}", features.channels(),
        channels);
  dispatch_slice(features, dy, 0, {stats.mean, stats.var, gamma, beta, dfeatures}, [&]<class T, int kWidth>() {
    const Columns c = columns(dy.rows(), channels / kWidth, 4, 3);
    const auto held = hold_workspace(stream);
    float* partial = sums_of(stream, c, channels);
    const DenseNormalisation n = normalisation(stats, gamma, beta, eps);
    launch(add ? norm_backward_kernel<T, kWidth, true> : norm_backward_kernel<T, kWidth, false>, c.blocks(), kBlock,
           stream, rows_of<const T>(features), rows_of<const T>(dy), n, rows_of<float>(dfeatures), c, partial);
    launch(norm_totals_kernel, ceil_div(channels, kTotalWidth), kBlock, stream, partial, c, int(channels), n, add,
           Results{dgamma.as<float>(), dbeta.as<float>(), sums.offset.as<float>(), sums.slope.as<float>()});
  });
}

void dense_append_backward(Stream stream, View features, DenseStats stats, View dfeatures, DenseSums sums,
                           int64_t first, View dx) {
  const std::initializer_list<View> vectors = {stats.mean, sums.offset, sums.slope, dfeatures};
  dispatch_slice(features, dx, first, vectors, [&]<class T, int kWidth>() {
    const Columns c = columns(dx.rows(), dx.channels() / kWidth, 4, 4);
    launch(append_backward_kernel<T, kWidth>, c.blocks(), kBlock, stream, rows_of<const T>(features, first),
           rows_of<const float>(dfeatures, first), stats.mean.as<float>() + first, sums.offset.as<float>() + first,
           sums.slope.as<float>() + first, rows_of<T>(dx), c);
  });
}

}  // namespace skein::cuda
