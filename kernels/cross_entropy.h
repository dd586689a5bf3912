// Softmax cross-entropy with its gradient and the top-1 / top-5 counts, in one pass over the logits:
//
//   loss = mean_n( log sum_c exp(l[n,c]) - l[n, label_n] )      dlogits = (softmax(l) - onehot(label)) / N
//   correct[0] = rows whose label no class ranks above, correct[1] = rows where fewer than 5 classes do
//
// A class ranks above the label if its logit is larger, or equal with a smaller index: the order of ties is fixed.
// logits (N,C) f32; labels (N) i32 in [0, C); loss (1) f32; correct (2) i32; dlogits (N,C) f32, may be absent.
// A row with a NaN counts as wrong and makes the loss NaN. So does, on CUDA, a label out of range; the CPU throws.
// Bytes: each operand is moved once.
#pragma once

#include "kernels/kernel.h"

namespace skein {

using CrossEntropy = void(Stream, View logits, View labels, View loss, View correct, View dlogits);

SKEIN_KERNEL(cross_entropy, CrossEntropy, each_once);

}  // namespace skein
