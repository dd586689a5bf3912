// Changes to the gradients of a ParameterStore between the backward pass and the optimiser step, one tensor at a time.
#pragma once

#include "engine/parameters.h"
#include "kernels/gaussian_noise.h"
#include "kernels/lars.h"

namespace skein {

// LARS (kernels/lars.h) on every tensor with weight decay; gradients of batch norms are not changed. The weight decay
// of the optimiser step must be 0, since LARS includes it.
void scale_gradients(ParameterStore&, LarsHyper, Queue);

// Adds Gaussian noise of standard deviation `sigma` (kernels/gaussian_noise.h) to every tensor.
void add_noise(ParameterStore&, float sigma, NoiseStream, Queue);

}  // namespace skein
