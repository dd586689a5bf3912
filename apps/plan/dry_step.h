// A dry run of one training step: no kernel runs and no memory is allocated. The result lists the layers and the
// kernels with their cost (Kernel::cost) and the memory that the step would fill.
#pragma once

#include <string>
#include <vector>

#include "engine/tensor.h"
#include "kernels/device/conv_plan.h"

namespace skein {

struct StepShape {
  std::string model = "resnet20", shortcut = "B";
  int64_t classes = 10, channels = 3, size = 32, batch = 128;
  DType dtype = DType::f32;
  bool recompute = false;
};

// Calls of kernels with equal cost, convolutions also of equal shape.
struct PlannedKernel {
  int count = 1;  // per step
  bool convolution = false;
  cuda::ConvProblem problem = {};  // of a convolution
  double flops = 0;                // of one call; 0: bound by memory alone
  double bytes = 0;                // of one call, a lower bound: Cost::bytes without Cost::reread
  bool operator==(const PlannedKernel&) const = default;
};

// One kernel of the forward pass.
struct PlannedLayer {
  std::string name, op;  // name: of its parameters; without any, empty
  Shape output;
  int64_t parameters = 0, macs = 0;  // macs: of one image
  double bytes = 0;                  // as of a PlannedKernel
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
