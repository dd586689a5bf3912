// Features of a dense block (Huang et al. 2017) without concatenation. One buffer (N,H,W,P) is filled from the left:
// every layer reads a prefix of c channels of each pixel and appends its own. Over m = N*H*W pixels:
//
//   append     features[.., first + j] = x[.., j];  mean, var of these channels over the m pixels, once for all readers
//   norm       y = max(gamma*rstd*(features - mean) + beta, 0), c channels wide;  rstd = 1/sqrt(var + eps);
//              running = (1-momentum)*running + momentum*{mean, var*m/(m-1)} where running is present
//   norm backward, with g = dy where y > 0 else 0 and d = features - mean, all readers of a channel together:
//              dbeta = sum(g)    dgamma = rstd*sum(g*d)
//              dfeatures (+)= gamma*rstd*g     offset (+)= gamma*rstd*dbeta/m     slope (+)= gamma*rstd^2*dgamma/m
//   append backward, after the last of them:  dx = dfeatures - offset - slope*d
//
// The terms that batch norm's backward pass subtracts for the statistics are linear in the features. So the readers add
// up two numbers per channel, and append backward, which passes over dfeatures anyway, applies them: each reader makes
// a single pass. (+)= overwrites unless `add`: the last reader of a block runs first, reads all of it and needs no
// zeros.
//
// x (N,H,W,k), y and dy (N,H,W,c), features: f32, or all of them bf16. dfeatures (N,H,W,P) is f32. Statistics,
// offset and slope are (P), f32; gamma, beta, running and their gradients (c), f32. Sums are taken as in batch_norm.h.
// Bytes: of the buffers, the channels that the kernel uses; norm backward reads and writes dfeatures if `add`. In f32
// per element: append 8, norm 8, norm backward 16 (12 if it overwrites), append backward 12.
#pragma once

#include "kernels/batch_norm.h"

namespace skein {

struct DenseStats {
  View mean, var;  // of the batch, not corrected by m/(m-1); or the running ones, for inference
};
struct DenseSums {
  View offset, slope;
};

using DenseAppend = void(Stream, View x, int64_t first, View features, DenseStats /*absent: not computed*/);
using DenseNorm = void(Stream, View features, DenseStats, View gamma, View beta, float eps,
                       BatchNormRunning /*absent: not updated*/, View y);
using DenseNormBackward = void(Stream, View features, DenseStats, View gamma, View beta, float eps, View dy, bool add,
                               View dfeatures, DenseSums, View dgamma, View dbeta);
using DenseAppendBackward = void(Stream, View features, DenseStats, View dfeatures, DenseSums, int64_t first, View dx);

namespace kernel {
// The first channels of a buffer, as many as `like` has.
inline double prefix_bytes(View buffer, View like) { return double(like.numel()) * double(size_of(buffer.dtype)); }

inline Cost dense_append_cost(View x, int64_t, View features, DenseStats) {
  return {bytes_of(x) + prefix_bytes(features, x)};
}
inline Cost dense_norm_cost(View features, DenseStats, View gamma, View beta, float, BatchNormRunning, View y) {
  return {prefix_bytes(features, y) + each_once(gamma, beta, y).bytes};
}
inline Cost dense_norm_backward_cost(View features, DenseStats, View gamma, View beta, float, View dy, bool add,
                                     View dfeatures, DenseSums, View dgamma, View dbeta) {
  return {prefix_bytes(features, dy) + (add ? 2 : 1) * prefix_bytes(dfeatures, dy) +
          each_once(gamma, beta, dy, dgamma, dbeta).bytes};
}
inline Cost dense_append_backward_cost(View features, DenseStats, View dfeatures, DenseSums, int64_t, View dx) {
  return {prefix_bytes(features, dx) + prefix_bytes(dfeatures, dx) + bytes_of(dx)};
}
}  // namespace kernel

SKEIN_KERNEL(dense_append, DenseAppend, dense_append_cost, "append");
SKEIN_KERNEL(dense_norm, DenseNorm, dense_norm_cost, "batch norm");
SKEIN_KERNEL(dense_norm_backward, DenseNormBackward, dense_norm_backward_cost);
SKEIN_KERNEL(dense_append_backward, DenseAppendBackward, dense_append_backward_cost);

}  // namespace skein
