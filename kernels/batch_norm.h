// Batch normalisation over the m = N*H*W rows of an (N,H,W,C) view (Ioffe & Szegedy 2015), with an optional residual
// added and an optional ReLU, all as one op. Per channel c:
//
//   mean = sum(x)/m    var = sum((x-mean)^2)/m    rstd = 1/sqrt(var + eps)
//   y = act(gamma*rstd*(x-mean) + beta + residual)                act(v) = v < 0 ? 0 : v (a NaN passes), or v
//   g = dy where y > 0, else 0 (dy itself without ReLU)     dresidual = g
//   dbeta = sum(g)     dgamma = rstd*sum(g*(x-mean))        dx = gamma*rstd*(g - dbeta/m - (x-mean)*rstd*dgamma/m)
//   running = (1-momentum)*running + momentum*{mean, var*m/(m-1)}, where present      inference: mean, var = running
//
// gamma, beta, statistics and their gradients are (C), f32. x, residual, y, dy, dx and dresidual are f32; on CUDA they
// may be bf16, all of them, and arithmetic is in f32. On the CPU, sums are taken in chunks of rows that do not depend
// on the number of threads, and chunks are added in double; on CUDA in strips of rows that depend on the device alone.
// In f32 the forward pass moves 12 bytes per element (x twice, y), 16 with a residual; backward 20 (x and dy twice,
// dx), with a residual 28 (y, and g written and read again); in bf16 half of that.
#pragma once

#include "kernels/view.h"

namespace skein {

struct BatchNormStats {
  View mean, rstd;  // saved by the forward pass
};
struct BatchNormRunning {
  View mean, var;
  float momentum = 0.1f;
};

using BatchNormForward = void(Stream, View x, View gamma, View beta, View residual /*may be absent*/, bool relu,
                              float eps, BatchNormRunning /*absent: left alone*/, View y, BatchNormStats saved);
using BatchNormInference = void(Stream, View x, View gamma, View beta, View residual /*may be absent*/, bool relu,
                                float eps, BatchNormRunning, View y);
// y is read only where ReLU followed a residual; elsewhere it may be absent and the mask is recomputed from x, to the
// same bits. dx and dresidual may be absent.
using BatchNormBackward = void(Stream, View x, View gamma, View beta, View y, bool relu, BatchNormStats saved, View dy,
                               View dx, View dresidual, View dgamma, View dbeta);

namespace cpu {
BatchNormForward batch_norm_forward;
BatchNormInference batch_norm_inference;
BatchNormBackward batch_norm_backward;
}  // namespace cpu
namespace cuda {
BatchNormForward batch_norm_forward;
BatchNormInference batch_norm_inference;
BatchNormBackward batch_norm_backward;
}  // namespace cuda

}  // namespace skein
