// A training step of a network in which no kernel runs and no memory is taken: its layers, its kernels with the work
// and the bytes of each, and how much memory it would fill.
#pragma once

#include <string>
#include <vector>

#include "engine/tensor.h"
#include "kernels/conv_plan.h"

namespace skein {

struct StepShape {
  std::string model = "resnet20", shortcut = "B";
  int64_t classes = 10, channels = 3, size = 32, batch = 128;
  DType dtype = DType::f32;
  bool recompute = false;
};

// Kernels of one kind and shape.
struct PlannedKernel {
  int count = 1;  // per step
  bool convolution = false;
  cuda::ConvProblem problem;  // of a convolution
  // Of one: 2 per multiply-add; every operand moved once, twice where it is read and written. What caches do not hold
  // is moved more often, batch norms read their input twice.
  double flops = 0, bytes = 0;
  bool matrix_units = false;  // convolution or linear layer: bounded by FLOP/s as well
  bool operator==(const PlannedKernel&) const = default;
};

// One kernel of the forward pass.
struct PlannedLayer {
  std::string name, op;  // name: of its parameters; without any, empty
  Shape output;
  int64_t parameters = 0, macs = 0;  // macs: of one image
  double bytes = 0;                  // as above
};

struct DryStep {
  std::vector<PlannedLayer> layers;    // in order, up to the logits
  std::vector<PlannedKernel> kernels;  // in the order of their first use
  size_t forward = 0;                  // bytes that the arena holds at the fullest of the forward pass
  size_t activations = 0;              // ... of the whole step, and the images
  int64_t parameters = 0;              // learned numbers, without padding
  int64_t tensors = 0;                 // that they are
  size_t parameter_bytes = 0;          // value, gradient, momentum, bf16 shadow and running statistics
  int64_t convolutions() const;        // layers
  int64_t macs() const;                // of one image, forward
  double bytes() const;                // moved by a step
};
DryStep dry_step(const StepShape&);

}  // namespace skein
