// Isotropic Gaussian noise on a gradient, f32, in place (the large-batch baseline that adds the noise of small
// batches):
//
//   grad[i] += sigma * z      z = normal(words 2(i%2) and 2(i%2)+1 of block i/2), Purpose::noise
//
// i counts from the beginning of the flat vector; epoch and item of the counter are the step and the worker. So the
// noise depends on no thread and no order. z is computed in double, on CUDA in f32, to 1e-6. A call covers one segment:
// the padding between segments stays zero. `step` points into device memory, so a captured step draws anew.
// Bytes: 8 per number, read and written. The draws, not memory, bound the time.
#pragma once

#include "kernels/kernel.h"

namespace skein {

struct NoiseStream {
  uint64_t seed;
  uint32_t worker;
  const uint32_t* step;
};

// grad is one segment, `first` the index of its first number in the flat vector.
using GaussianNoise = void(Stream, float sigma, NoiseStream, int64_t first, View grad);

namespace kernel {
inline Cost gaussian_noise_cost(float, NoiseStream, int64_t, View grad) { return {2 * bytes_of(grad)}; }
}  // namespace kernel

SKEIN_KERNEL(gaussian_noise, GaussianNoise, gaussian_noise_cost);

}  // namespace skein
