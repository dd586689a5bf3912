// One training run for comparison with PyTorch: a model from seed 1, batches of labelled noise, several steps of
// Nesterov SGD. Results: loss, logits and gradients of the first step, and the losses of all steps.
// tests/oracle/torch_check.py repeats the run in PyTorch from the dumped inputs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "models/model.h"

namespace skein {

struct OracleSettings {
  std::string model = "resnet8";
  char shortcut = 'B';
  int64_t batch = 8, size = 32, channels = 3, classes = 10;
  int64_t steps = 20;
  float rate = 0.05f;
  // Above 0: beta of every batch norm is +offset, in every third channel -offset, so that every ReLU is far from its
  // kink.
  float offset = 0;
};

struct OracleTensor {
  Tensor tensor;
  std::vector<int64_t> shape;
};

struct OracleRun {
  std::map<std::string, OracleTensor> inputs;   // param.NAME, images.STEP, labels.STEP
  std::map<std::string, OracleTensor> results;  // grad.NAME and logits of the first step, losses (steps)
};

OracleRun run_oracle(const OracleSettings&);

}  // namespace skein
