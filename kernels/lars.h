// Layer-wise adaptive rates (You, Gitman, Ginsburg 2017, arXiv 1708.03888) for one parameter tensor, before the step of
// kernels/sgd_step.h, whose own decay is then 0:
//
//   rate = eta * ||value|| / (||grad|| + decay*||value||),  1 where either norm is zero
//   grad = rate * (grad + decay*value)
//
// f32; norms are sums in double over kLarsChunks fixed chunks, added in order: the same bits for any number of threads.
// On CUDA they are sums in f32, and a norm below 1e-19 counts as zero.
// Bytes: reads value and grad twice, writes grad: 20 per number.
#pragma once

#include "kernels/view.h"

namespace skein {

constexpr int64_t kLarsChunks = 64;

struct LarsHyper {
  float eta = 0.001f, decay = 1e-4f;
};

using LarsScale = void(Stream, View value, LarsHyper, View grad);

namespace cpu {
LarsScale lars_scale;
}
namespace cuda {
LarsScale lars_scale;
}

}  // namespace skein
