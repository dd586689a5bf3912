// Backward kernels of kernels/dense_block.h, bytes per element of s bytes. One more kernel adds the sums of the strips
// in order.
//   norm_backward_kernel    2s + 8  adds one reader's gradient to dfeatures, two sums per strip (2s + 4: overwrites)
//   append_backward_kernel  2s + 4  dx = dfeatures - offset - slope*(x - mean)
#include "kernels/cuda/dense_block_rows.h"

namespace skein::cuda {
namespace {

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

}  // namespace

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
