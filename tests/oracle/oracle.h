// The same weights and batches for skein and for PyTorch: a model from seed 1, batches of labelled noise, the first
// step's loss, logits and gradients, and the losses of a number of steps of Nesterov SGD. tests/oracle/torch_check.py
// repeats it in PyTorch from the dumped inputs.
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
  // Above 0: every batch norm's beta is +offset, in every third channel -offset, so that each ReLU is wide open or
  // shut.
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
