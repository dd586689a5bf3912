// Clipping of a gradient by its norm (Pascanu, Mikolov, Bengio 2013, arXiv 1211.5063, algorithm 1; the numbers of
// torch.nn.utils.clip_grad_norm_):
//
//   grad = grad * min(1, most / (||grad|| + 1e-6))
//
// grad (n), f32: all parameters' gradients as one vector; its padding is zero and adds nothing. most > 0. A NaN makes
// every number NaN, as in PyTorch. The norm is a sum in double over fixed chunks, added in order: the same bits for any
// number of threads. On CUDA it is a sum in f32, in an order that depends on the GPU; nothing waits for the device.
// Bytes: 12 per number: grad is read twice and written.
#pragma once

#include "kernels/kernel.h"

namespace skein {

using ClipNorm = void(Stream, float most, View grad);

namespace kernel {
inline Cost clip_norm_cost(float, View grad) { return {.bytes = 2 * bytes_of(grad), .reread = bytes_of(grad)}; }
}  // namespace kernel

SKEIN_KERNEL(clip_norm, ClipNorm, clip_norm_cost);

}  // namespace skein
