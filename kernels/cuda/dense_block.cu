// Forward kernels of kernels/dense_block.h, bytes per element of s bytes. One more kernel adds the sums of the strips
// in order.
//   append_kernel           2s      copies new channels into the block, two sums per strip of rows
//   norm_kernel             2s      normalises a prefix of the channels; running_kernel updates the running statistics
#include "kernels/cuda/dense_block_rows.h"

namespace skein::cuda {
namespace {

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

}  // namespace skein::cuda
