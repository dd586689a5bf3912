// Isotropic Gaussian noise on a gradient, f32, in place (the large-batch baseline that adds what small batches have):
//
//   grad[i] += sigma * z      z = normal(words 2(i%2) and 2(i%2)+1 of block i/2), Purpose::noise
//
// i counts from the beginning of the flat vector; epoch and item of the counter are the step and the worker. So the
// noise depends on no thread and no order; z is computed in double, on CUDA in f32, to 1e-6. Only the segments get any:
// the padding between them stays zero. `step` points into device memory, so a captured step draws anew. Bound by
// arithmetic; 8 bytes per number move.
#pragma once

#include "kernels/view.h"

namespace skein {

struct NoiseStream {
  uint64_t seed;
  uint32_t worker;
  const uint32_t* step;
};

// grad is one segment, `first` the place of its first number in the flat vector.
using GaussianNoise = void(Stream, float sigma, NoiseStream, int64_t first, View grad);

namespace cpu {
GaussianNoise gaussian_noise;
}
namespace cuda {
GaussianNoise gaussian_noise;
}

}  // namespace skein
