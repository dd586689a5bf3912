#include "engine/gradient.h"

namespace skein {
namespace {

View segment_of(const Tensor& flat, Segment s) {
  return {flat.view().as<float>() + s.begin, DType::f32, {1, 1, 1, s.count}};
}

}  // namespace

void scale_gradients(ParameterStore& parameters, LarsHyper hyper, Queue queue) {
  for (const Segment& s : parameters.segments())
    if (s.begin < parameters.decayed())
      queue.run(kernel::lars_scale, segment_of(parameters.value, s), hyper, segment_of(parameters.grad, s));
}

void add_noise(ParameterStore& parameters, float sigma, NoiseStream stream, Queue queue) {
  for (const Segment& s : parameters.segments())
    queue.run(kernel::gaussian_noise, sigma, stream, s.begin, segment_of(parameters.grad, s));
}

}  // namespace skein
