// Batch norm, backward; g is dy with the ReLU's mask, m the number of rows. gradient_sums_kernel computes sum(g) and
// sum(g*(x - mean)) per strip of rows, and stores g as the residual's gradient. gradient_totals_kernel adds the strips
// in order into dbeta and dgamma. data_gradient_kernel computes
//   dx = scale*g - scale*dbeta/m - (x - mean)*scale*rstd*dgamma/m,   scale = gamma*rstd.
// Bytes per element of s bytes: x and dy twice and dx, 5s. With a residual: y as well, and g written and read instead
// of the second dy, 7s.
#include "kernels/batch_norm.h"
#include "kernels/cuda/dialect/columns.h"
#include "kernels/cuda/dialect/workspace_lock.h"
#include "kernels/device/runtime.h"

namespace skein::cuda {
namespace {

enum class Mask { none, from_x, from_y };

struct Forward {
  const float *mean, *rstd, *gamma, *beta;
};

template <class T>
struct Gradients {
  const T *x, *y, *dy;
  T* kept;  // g, the residual's gradient; null: not stored
};

template <class T, int kWidth>
struct GradientInputs {
  Pack<T, kWidth> x, y, dy;
};

template <class T, int kWidth, Mask kMask>
__device__ GradientInputs<T, kWidth> load_inputs(const T* x, const T* y, const T* dy, int64_t i) {
  GradientInputs<T, kWidth> in;
  in.x = load<kWidth>(x + i);
  if constexpr (kMask == Mask::from_y) in.y = load<kWidth>(y + i);
  in.dy = load<kWidth>(dy + i);
  return in;
}

// Constants per channel, computed as in the forward pass, so that the mask agrees with it bit for bit.
template <int kWidth>
struct GradientConstants {
  float mean[kWidth], scale[kWidth], beta[kWidth], rstd[kWidth];
};

template <int kWidth>
__device__ GradientConstants<kWidth> load_constants(const Forward& f, int channel) {
  const auto mean = load<kWidth>(f.mean + channel), rstd = load<kWidth>(f.rstd + channel);
  const auto gamma = load<kWidth>(f.gamma + channel), beta = load<kWidth>(f.beta + channel);
  GradientConstants<kWidth> out;
#pragma unroll
  for (int k = 0; k < kWidth; ++k) {
    out.mean[k] = mean[k], out.scale[k] = gamma[k] * rstd[k], out.beta[k] = beta[k], out.rstd[k] = rstd[k];
  }
  return out;
}

template <Mask kMask, class T, int kWidth>
__device__ float masked(const GradientInputs<T, kWidth>& in, const GradientConstants<kWidth>& a, int k) {
  if constexpr (kMask == Mask::from_x) return (in.x[k] - a.mean[k]) * a.scale[k] + a.beta[k] > 0.0f ? in.dy[k] : 0.0f;
  if constexpr (kMask == Mask::from_y) return in.y[k] > 0.0f ? in.dy[k] : 0.0f;
  return in.dy[k];
}

template <class T, int kWidth, Mask kMask>
__global__ void __launch_bounds__(kBlock) gradient_sums_kernel(Gradients<T> d, Forward f, Columns c, float* partial) {
  const ThreadPosition p = thread_position(c);
  float sums[2 * kWidth] = {};
  if (p.active) {
    const GradientConstants<kWidth> a = load_constants<kWidth>(f, p.group * kWidth);
    for_rows<2, kWidth>(
        c, p, [&](int64_t i) { return load_inputs<T, kWidth, kMask>(d.x, d.y, d.dy, i); },
        [&](int64_t i, const GradientInputs<T, kWidth>& in) {
          float g[kWidth];
#pragma unroll
          for (int k = 0; k < kWidth; ++k) {
            g[k] = masked<kMask>(in, a, k);
            sums[k] += g[k];
            sums[kWidth + k] += g[k] * (in.x[k] - a.mean[k]);
          }
          if (d.kept) store(d.kept + i, g);
        });
  }
  sum_rows(sums, p.row, c.width, c.height);
  if (p.active && p.row == 0) store_sums<kWidth>(partial, c, p, sums);
}

__global__ void __launch_bounds__(kBlock) gradient_totals_kernel(const float* partial, int strips, int channels,
                                                                 const float* rstd, float* dgamma, float* dbeta) {
  const Totals total = add_sums(partial, strips, channels);
  if (!total.owns) return;
  dbeta[total.channel] = total.first;
  dgamma[total.channel] = total.second * rstd[total.channel];
}

// g is dy, or with Mask::none the masked gradient that gradient_sums_kernel stored.
template <class T, int kWidth, Mask kMask>
__global__ void __launch_bounds__(kBlock)
    data_gradient_kernel(const T* x, const T* y, const T* g, Forward f, const float* dgamma, const float* dbeta, T* dx,
                         Columns c) {
  const ThreadPosition p = thread_position(c);
  if (!p.active) return;
  const GradientConstants<kWidth> a = load_constants<kWidth>(f, p.group * kWidth);
  const auto products = load<kWidth>(dgamma + p.group * kWidth), total = load<kWidth>(dbeta + p.group * kWidth);
  const float m = float(c.rows);
  float offset[kWidth], slope[kWidth];
#pragma unroll
  for (int k = 0; k < kWidth; ++k) {
    offset[k] = a.scale[k] * total[k] / m;
    slope[k] = a.scale[k] * a.rstd[k] * products[k] / m;
  }
  for_rows<2, kWidth>(
      c, p, [&](int64_t i) { return load_inputs<T, kWidth, kMask>(x, y, g, i); },
      [&](int64_t i, const GradientInputs<T, kWidth>& in) {
        float out[kWidth];
#pragma unroll
        for (int k = 0; k < kWidth; ++k)
          out[k] = a.scale[k] * masked<kMask>(in, a, k) - offset[k] - slope[k] * (in.x[k] - a.mean[k]);
        store(dx + i, out);
      });
}

template <class F>
void dispatch_mask(Mask mask, F&& body) {
  if (mask == Mask::none)
    body.template operator()<Mask::none>();
  else if (mask == Mask::from_x)
    body.template operator()<Mask::from_x>();
  else
    body.template operator()<Mask::from_y>();
}

void check(View x, std::initializer_list<View> images, std::initializer_list<View> vectors) {
  for (const View& v : images)
    CHECK(!v || (v.numel() == x.numel() && v.dtype == x.dtype), "{} elements of type {}, x has {} of type {}",
          v.numel(), int(v.dtype), x.numel(), int(x.dtype));
  for (const View& v : vectors)
    CHECK(v.numel() == x.channels() && v.dtype == DType::f32, "{} channels, a vector of {}", x.channels(), v.numel());
}

}  // namespace

void batch_norm_backward(Stream stream, View x, View gamma, View beta, View y, bool relu, BatchNormStats saved, View dy,
                         View dx, View dresidual, View dgamma, View dbeta) {
  check(x, {y, dy, dx, dresidual}, {gamma, beta, saved.mean, saved.rstd, dgamma, dbeta});
  CHECK(!dresidual || !relu || y, "ReLU after a residual is masked by y, which is absent");
  const int64_t channels = x.channels();
  const Forward f{saved.mean.as<float>(), saved.rstd.as<float>(), gamma.as<float>(), beta.as<float>()};
  dispatch_columns(
      x.dtype, channels,
      {x.data, y.data, dy.data, dx.data, dresidual.data, f.mean, f.rstd, f.gamma, f.beta, dgamma.data, dbeta.data},
      [&]<class T, int kWidth>() {
        const Columns c = columns(x.rows(), channels / kWidth, 4, 3);
        const auto held = hold_workspace(stream);
        float* partial = static_cast<float*>(workspace(stream, size_t(c.strips) * 2 * channels * sizeof(float)));
        const Mask mask = !relu ? Mask::none : y ? Mask::from_y : Mask::from_x;
        dispatch_mask(mask, [&]<Mask kMask>() {
          launch(gradient_sums_kernel<T, kWidth, kMask>, c.blocks(), kBlock, stream,
                 Gradients<T>{x.as<T>(), y.as<T>(), dy.as<T>(), dresidual.as<T>()}, f, c, partial);
        });
        launch(gradient_totals_kernel, ceil_div(channels, kTotalWidth), kBlock, stream, partial, c.strips,
               int(channels), f.rstd, dgamma.as<float>(), dbeta.as<float>());
        if (!dx) return;
        const Columns all = columns(x.rows(), channels / kWidth, 2, 3);
        dispatch_mask(dresidual ? Mask::none : mask, [&]<Mask kMask>() {
          launch(data_gradient_kernel<T, kWidth, kMask>, all.blocks(), kBlock, stream, x.as<T>(), y.as<T>(),
                 dresidual ? dresidual.as<T>() : dy.as<T>(), f, dgamma.as<float>(), dbeta.as<float>(), dx.as<T>(), all);
        });
      });
}

}  // namespace skein::cuda
