// Layer-wise adaptive rates (You, Gitman, Ginsburg 2017, arXiv 1708.03888) for one parameter tensor, before the step of
// kernels/sgd_step.h, whose own decay is then 0:
//
//   rate = eta * ||value|| / (||grad|| + decay*||value||),  1 where either norm is zero
//   grad = rate * (grad + decay*value)
//
// value and grad (n), f32. Norms are sums in double over kLarsChunks fixed chunks, added in order: the same bits for
// any number of threads. On CUDA they are sums in f32, and a norm below 1e-19 counts as zero.
// Bytes: 20 per number: value and grad are read twice, grad is written.
#pragma once

#include "kernels/kernel.h"

namespace skein {

constexpr int64_t kLarsChunks = 64;

struct LarsHyper {
  float eta = 0.001f, decay = 1e-4f;
};

using LarsScale = void(Stream, View value, LarsHyper, View grad);

namespace kernel {
inline Cost lars_scale_cost(View value, LarsHyper, View grad) {
  return {.bytes = bytes_of(value) + 2 * bytes_of(grad), .reread = bytes_of(value) + bytes_of(grad)};
}
}  // namespace kernel

SKEIN_KERNEL(lars_scale, LarsScale, lars_scale_cost);

}  // namespace skein
