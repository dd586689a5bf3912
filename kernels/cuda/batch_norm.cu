// Batch norm, forward. moments_kernel computes two sums per strip of rows, statistics_kernel adds the strips in order,
// apply_kernel normalises:  y = act(gamma*rstd*(x - mean) + beta + residual).
// Bytes per element of s bytes: x twice and y, 3s; with a residual 4s. Inference: x and y, 2s; with a residual 3s.
#include "kernels/batch_norm.h"
#include "kernels/cuda/dialect/columns.h"
#include "kernels/cuda/dialect/workspace_lock.h"
#include "kernels/device/runtime.h"

namespace skein::cuda {
namespace {

// partial (strips, 2, C): sums of x - shift and of its square. The shift is the first row of x: a large common mean
// then costs no digits of the variance.
template <class T, int kWidth>
__global__ void __launch_bounds__(kBlock) moments_kernel(const T* x, Columns c, float* partial) {
  const ThreadPosition p = thread_position(c);
  float sums[2 * kWidth] = {};
  if (p.active) {
    const Pack<T, kWidth> shift = load<kWidth>(x + p.group * kWidth);
    for_rows<4, kWidth>(
        c, p, [&](int64_t i) { return load<kWidth>(x + i); },
        [&](int64_t, const Pack<T, kWidth>& in) {
#pragma unroll
          for (int k = 0; k < kWidth; ++k) {
            const float d = in[k] - shift[k];
            sums[k] += d;
            sums[kWidth + k] += d * d;
          }
        });
  }
  sum_rows(sums, p.row, c.width, c.height);
  if (p.active && p.row == 0) store_sums<kWidth>(partial, c, p, sums);
}

struct Statistics {
  float *mean, *rstd, *running_mean, *running_var;  // running statistics: both null or both not
  float momentum, eps;
};

template <class T>
__global__ void __launch_bounds__(kBlock)
    statistics_kernel(const T* x, const float* partial, Columns c, int channels, Statistics s) {
  const Totals total = add_sums(partial, c.strips, channels);
  if (!total.owns) return;
  const float m = float(c.rows), d = total.first / m;
  const float mean = load<1>(x + total.channel)[0] + d, var = fmaxf(total.second / m - d * d, 0.0f);
  s.mean[total.channel] = mean;
  s.rstd[total.channel] = 1.0f / sqrtf(var + s.eps);
  if (!s.running_mean) return;
  const auto blend = [&](float& old, float value) { old = (1.0f - s.momentum) * old + s.momentum * value; };
  blend(s.running_mean[total.channel], mean);
  blend(s.running_var[total.channel], c.rows > 1 ? var * (m / (m - 1.0f)) : var);
}

struct Normalisation {
  const float *mean, *spread;  // spread: the variance if eps >= 0, else rstd
  const float *gamma, *beta;
  float eps;
};

template <class T, int kWidth>
struct Inputs {
  Pack<T, kWidth> x, residual;
};

template <class T, int kWidth, bool kResidual>
__global__ void __launch_bounds__(kBlock)
    apply_kernel(const T* x, const T* residual, Normalisation n, float lowest, T* y, Columns c) {
  const ThreadPosition p = thread_position(c);
  if (!p.active) return;
  const int channel = p.group * kWidth;
  const auto mean = load<kWidth>(n.mean + channel), beta = load<kWidth>(n.beta + channel);
  const auto gamma = load<kWidth>(n.gamma + channel), spread = load<kWidth>(n.spread + channel);
  float scale[kWidth];
#pragma unroll
  for (int k = 0; k < kWidth; ++k) scale[k] = gamma[k] * (n.eps < 0.0f ? spread[k] : 1.0f / sqrtf(spread[k] + n.eps));
  for_rows<kResidual ? 2 : 4, kWidth>(
      c, p,
      [&](int64_t i) {
        Inputs<T, kWidth> in;
        in.x = load<kWidth>(x + i);
        if constexpr (kResidual) in.residual = load<kWidth>(residual + i);
        return in;
      },
      [&](int64_t i, const Inputs<T, kWidth>& in) {
        float out[kWidth];
#pragma unroll
        for (int k = 0; k < kWidth; ++k) {
          out[k] = (in.x[k] - mean[k]) * scale[k] + beta[k];
          if constexpr (kResidual) out[k] += in.residual[k];
          out[k] = out[k] < lowest ? lowest : out[k];  // NaN stays NaN
        }
        store(y + i, out);
      });
}

void check(View x, View residual, View y, std::initializer_list<View> vectors) {
  CHECK(y.numel() == x.numel() && (!residual || residual.numel() == x.numel()), "x, y and residual differ in size");
  CHECK(y.dtype == x.dtype && (!residual || residual.dtype == x.dtype), "x, y and residual differ in type");
  for (const View& v : vectors)
    CHECK(v.numel() == x.channels() && v.dtype == DType::f32, "{} channels, a vector of {}", x.channels(), v.numel());
}

template <class T, int kWidth>
void apply(Stream stream, View x, View residual, Normalisation n, bool relu, View y) {
  const Columns c = columns(x.rows(), x.channels() / kWidth, residual ? 2 : 4, 4);
  const auto kernel = residual ? apply_kernel<T, kWidth, true> : apply_kernel<T, kWidth, false>;
  launch(kernel, c.blocks(), kBlock, stream, x.as<T>(), residual.as<T>(), n, relu ? 0.0f : -kInfinity, y.as<T>(), c);
}

}  // namespace

void batch_norm_forward(Stream stream, View x, View gamma, View beta, View residual, bool relu, float eps,
                        BatchNormRunning running, View y, BatchNormStats saved) {
  check(x, residual, y, {gamma, beta, saved.mean, saved.rstd});
  if (running.mean) check(x, residual, y, {running.mean, running.var});
  if (x.numel() == 0) return;
  const int64_t channels = x.channels();
  dispatch_columns(
      x.dtype, channels, {x.data, y.data, residual.data, gamma.data, beta.data, saved.mean.data, saved.rstd.data},
      [&]<class T, int kWidth>() {
        const Columns c = columns(x.rows(), channels / kWidth, 4, 4);
        const auto held = hold_workspace(stream);
        float* partial = static_cast<float*>(workspace(stream, size_t(c.strips) * 2 * channels * sizeof(float)));
        launch(moments_kernel<T, kWidth>, c.blocks(), kBlock, stream, x.as<T>(), c, partial);
        const Statistics s{saved.mean.as<float>(),  saved.rstd.as<float>(), running.mean.as<float>(),
                           running.var.as<float>(), running.momentum,       eps};
        launch(statistics_kernel<T>, ceil_div(channels, kTotalWidth), kBlock, stream, x.as<T>(), partial, c,
               int(channels), s);
        apply<T, kWidth>(stream, x, residual, {s.mean, s.rstd, gamma.as<float>(), beta.as<float>(), -1.0f}, relu, y);
      });
}

void batch_norm_inference(Stream stream, View x, View gamma, View beta, View residual, bool relu, float eps,
                          BatchNormRunning running, View y) {
  check(x, residual, y, {gamma, beta, running.mean, running.var});
  dispatch_columns(x.dtype, x.channels(),
                   {x.data, y.data, residual.data, gamma.data, beta.data, running.mean.data, running.var.data},
                   [&]<class T, int kWidth>() {
                     const Normalisation n{running.mean.as<float>(), running.var.as<float>(), gamma.as<float>(),
                                           beta.as<float>(), eps};
                     apply<T, kWidth>(stream, x, residual, n, relu, y);
                   });
}

}  // namespace skein::cuda
