// Softmax cross-entropy with its gradient and the top-1 / top-5 counts, in one pass over the logits:
//
//   t[n,c] = (1 - smoothing)*(weight_n*[c = label_n] + (1 - weight_n)*[c = second_n]) + smoothing/C       the target
//   loss = mean_n( log sum_c exp(l[n,c]) - sum_c t[n,c]*l[n,c] )      dlogits = (softmax(l) - t) / N
//   correct[0] = rows whose counted label no class ranks above, correct[1] = rows where fewer than 5 classes do
//
// Without `second` and `weight`, which go together, the weight is 1: t is onehot(label) where smoothing is 0.
// Smoothing: arXiv 1512.00567, section 7, as in torch.nn.CrossEntropyLoss(label_smoothing=...). Two labels of a row:
// mixup, arXiv 1710.09412, and CutMix, arXiv 1905.04899.
// The counted label is the one of larger weight: label_n where weight_n >= 0.5, else second_n. A class ranks above it
// if its logit is larger, or equal with a smaller index: the order of ties is fixed.
// logits (N,C) f32; labels, second (N) i32 in [0, C); weight (N) f32 in [0, 1]; smoothing in [0, 1]; loss (1) f32;
// correct (2) i32; dlogits (N,C) f32, may be absent.
// A row with a NaN counts as wrong and makes the loss NaN. So does, on CUDA, a label out of range; the CPU throws.
// Bytes: each operand is moved once.
#pragma once

#include "kernels/kernel.h"

namespace skein {

using CrossEntropy = void(Stream, View logits, View labels, View second /*may be absent*/, View weight, float smoothing,
                          View loss, View correct, View dlogits);

SKEIN_KERNEL(cross_entropy, CrossEntropy, each_once);

}  // namespace skein
