// What is done to the gradients of a ParameterStore between the backward pass and the step, tensor by tensor.
#pragma once

#include "engine/parameters.h"
#include "kernels/gaussian_noise.h"
#include "kernels/lars.h"

namespace skein {

// kernels/lars.h on every tensor that is decayed; batch norms keep their gradient. The step's own decay must be 0.
void scale_gradients(ParameterStore&, LarsHyper, Queue);

// kernels/gaussian_noise.h on every tensor.
void add_noise(ParameterStore&, float sigma, NoiseStream, Queue);

}  // namespace skein
