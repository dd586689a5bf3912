// Batch normalisation over the m = N*H*W rows of an (N,H,W,C) view (Ioffe & Szegedy 2015), with an optional residual
// added and an optional ReLU, all as one op. Per channel c:
//
//   mean = sum(x)/m    var = sum((x-mean)^2)/m    rstd = 1/sqrt(var + eps)
//   y = act(gamma*rstd*(x-mean) + beta + residual)                act(v) = v < 0 ? 0 : v (a NaN passes), or v
//   g = dy where y > 0, else 0 (dy itself without ReLU)     dresidual = g
//   dbeta = sum(g)     dgamma = rstd*sum(g*(x-mean))        dx = gamma*rstd*(g - dbeta/m - (x-mean)*rstd*dgamma/m)
//   running = (1-momentum)*running + momentum*{mean, var*m/(m-1)}, where present      inference: mean, var = running
//
// gamma, beta, statistics and their gradients are (C), f32. x, residual, y, dy, dx and dresidual are f32, or all of
// them bf16, with f32 arithmetic. The CPU sums chunks of rows, which do not depend on the number of threads,
// and adds the chunks in double; CUDA sums strips of rows, which depend on the device alone.
// Bytes: each operand is moved once. The forward pass reads x twice. The backward pass without a residual reads x and
// dy twice; with one, x twice, and dresidual, which it has written.
#pragma once

#include "kernels/kernel.h"

namespace skein {

struct BatchNormStats {
  View mean, rstd;  // written by the forward pass, read by the backward pass
};
struct BatchNormRunning {
  View mean, var;
  float momentum = 0.1f;
};

using BatchNormForward = void(Stream, View x, View gamma, View beta, View residual /*may be absent*/, bool relu,
                              float eps, BatchNormRunning /*absent: not updated*/, View y, BatchNormStats saved);
using BatchNormInference = void(Stream, View x, View gamma, View beta, View residual /*may be absent*/, bool relu,
                                float eps, BatchNormRunning, View y);
// y is read only if ReLU followed a residual. Otherwise it may be absent: the mask is recomputed from x, to the same
// bits. dx and dresidual may be absent.
using BatchNormBackward = void(Stream, View x, View gamma, View beta, View y, bool relu, BatchNormStats saved, View dy,
                               View dx, View dresidual, View dgamma, View dbeta);

namespace kernel {
inline Cost batch_norm_forward_cost(View x, View gamma, View beta, View residual, bool, float, BatchNormRunning, View y,
                                    BatchNormStats) {
  return {.bytes = each_once(x, gamma, beta, residual, y).bytes, .reread = bytes_of(x)};
}
inline Cost batch_norm_backward_cost(View x, View gamma, View beta, View y, bool, BatchNormStats, View dy, View dx,
                                     View dresidual, View dgamma, View dbeta) {
  return {.bytes = each_once(x, gamma, beta, y, dy, dx, dresidual, dgamma, dbeta).bytes,
          .reread = bytes_of(x) + bytes_of(dresidual ? dresidual : dy)};
}
}  // namespace kernel

SKEIN_KERNEL(batch_norm_forward, BatchNormForward, batch_norm_forward_cost);
SKEIN_KERNEL(batch_norm_inference, BatchNormInference, each_once);
SKEIN_KERNEL(batch_norm_backward, BatchNormBackward, batch_norm_backward_cost);

}  // namespace skein
