// The differentiable operations. Each one is engine/ops/NAME.cpp: allocate the output, run the forward kernel, record
// the backward step on the tape. Formulas, shapes and types are in the kernel contract that is named beside each.
// Images are (N,H,W,C). Every op takes f32, and bf16 if its contract permits it. The output has the type of the input
// unless engine/precision.h says otherwise.
#pragma once

#include "engine/parameters.h"
#include "engine/tape.h"
#include "kernels/conv.h"

namespace skein {

struct Loss {
  Var mean;        // (1) f32, over the rows of the batch
  Tensor correct;  // (2) i32: rows whose label is the largest logit, and rows whose label is among the five largest
};

// Targets of the cross-entropy beside the labels: label smoothing, and a second label of each row with the weight of
// the first, both (N) and both undefined where rows have one label.
struct SoftTargets {
  float smoothing = 0;
  Tensor second, weight;  // i32, f32
};

// a + b                                                                              kernels/vector.h
Var add(const Var& a, const Var& b);

// a + b in the memory of a; a must not be used afterwards                            kernels/vector.h
Var add_to(const Var& a, const Var& b);

// 2x2 mean, stride 2: (N,H,W,C) -> (N,H/2,W/2,C)                                     kernels/average_pool.h
Var average_pool(const Var& x);

// Batch norm, + residual if there is one, ReLU if asked for                          kernels/batch_norm.h
Var batch_norm(const Var& x, const Var& gamma, const Var& beta, const RunningStatistics&, bool relu,
               const Var& residual = nullptr);

// conv2d(relu(batch_norm(x))). The normalised input is computed again in the
// backward pass instead of being kept                                  kernels/batch_norm.h, kernels/conv.h
Var batch_norm_conv(const Var& x, const Var& gamma, const Var& beta, const RunningStatistics&, const Var& w,
                    ConvGeometry);

// w (O,Kh,Kw,C): (N,H,W,C) -> (N,Ho,Wo,O)                                            kernels/conv.h
Var conv2d(const Var& x, const Var& w, ConvGeometry);

// Softmax cross-entropy; labels i32, one per row. The end of every network: the gradient of the mean loss with
// respect to the logits is computed in the forward pass                              kernels/cross_entropy.h
Loss cross_entropy(const Var& logits, const Tensor& labels, const SoftTargets& = {});

// Every stride-th row and column; missing channels are zero: shortcut A              kernels/downsample.h
Var downsample(const Var& x, int64_t stride, int64_t channels);

// Zeroes each value with probability `rate`; the identity in evaluation. `layer` separates the random streams of the
// dropout layers of a model                                                          kernels/dropout.h
Var dropout(const Var& x, float rate, uint32_t layer);

// Mean over height and width: (N,H,W,C) -> (N,1,1,C) f32                             kernels/global_average_pool.h
Var global_average_pool(const Var& x);

// w (O,C), b (O): rows of C -> rows of O                                             kernels/linear.h
Var linear(const Var& x, const Var& w, const Var& b);

// 3x3 maximum, stride 2, padding 1                                                   kernels/max_pool.h
Var max_pool(const Var& x);

// max(x, 0)                                                                          kernels/vector.h
Var relu(const Var& x);

// DenseFeatures, the concatenation of a dense block: engine/dense_features.h         kernels/dense_block.h

}  // namespace skein
