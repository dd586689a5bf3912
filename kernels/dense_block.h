// The features of a dense block (Huang et al. 2017) without concatenation. They live in one buffer (N,H,W,P) that is
// filled from the left; every layer reads a prefix of c channels of each pixel and appends its own. Over m = N*H*W:
//
//   append     features[.., first + j] = x[.., j];  mean, var of these channels over the m pixels, once for all readers
//   norm       y = max(gamma*rstd*(features - mean) + beta, 0), c channels wide;  rstd = 1/sqrt(var + eps);
//              running = (1-momentum)*running + momentum*{mean, var*m/(m-1)} where running is present
//   norm backward, with g = dy where y > 0 else 0 and d = features - mean, all readers of a channel together:
//              dbeta = sum(g)    dgamma = rstd*sum(g*d)
//              dfeatures (+)= gamma*rstd*g     offset (+)= gamma*rstd*dbeta/m     slope (+)= gamma*rstd^2*dgamma/m
//   append backward, after the last of them:  dx = dfeatures - offset - slope*d
//
// What batch norm's backward pass takes off by the statistics is linear in the features, so the readers add up two
// numbers per channel and the one pass over dfeatures that append needs anyway applies them: each reader makes a single
// pass. (+)= overwrites unless `add`: the last reader of a block runs first, reads all of it and has no need of zeros.
//
// Statistics, offset and slope are (P), f32; gamma, beta, running and their gradients (c), f32; dfeatures is f32. Sums
// are taken as in batch_norm.h. Bytes per element in f32: append 8, norm 8, norm backward 16 (12 where it overwrites),
// append backward 12.
#pragma once

#include "kernels/batch_norm.h"

namespace skein {

struct DenseStats {
  View mean, var;  // of the batch, not corrected by m/(m-1); or the running ones, for inference
};
struct DenseSums {
  View offset, slope;
};

using DenseAppend = void(Stream, View x, int64_t first, View features, DenseStats /*absent: not taken*/);
using DenseNorm = void(Stream, View features, DenseStats, View gamma, View beta, float eps,
                       BatchNormRunning /*absent: left alone*/, View y);
using DenseNormBackward = void(Stream, View features, DenseStats, View gamma, View beta, float eps, View dy, bool add,
                               View dfeatures, DenseSums, View dgamma, View dbeta);
using DenseAppendBackward = void(Stream, View features, DenseStats, View dfeatures, DenseSums, int64_t first, View dx);

namespace cpu {
DenseAppend dense_append;
DenseNorm dense_norm;
DenseNormBackward dense_norm_backward;
DenseAppendBackward dense_append_backward;
}  // namespace cpu
namespace cuda {
DenseAppend dense_append;
DenseNorm dense_norm;
DenseNormBackward dense_norm_backward;
DenseAppendBackward dense_append_backward;
}  // namespace cuda

}  // namespace skein
