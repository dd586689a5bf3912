// A checkpoint is a folder that is enough to use the model anywhere and to go on with the run to the bit:
//   model.safetensors      parameters and running statistics by name, true shapes; metadata: what the model is and saw
//   optimizer.safetensors  the momentum of each parameter, by the same names; with one worker
//   worker-R.safetensors   with several, where the model is their average: everything that worker R has for itself
//   progress.json          where the run is, and what its rounding depends on: convolution plans and threads
// It is written beside the older one and takes its place in one step, so there is always a whole one.
#pragma once

#include <string>
#include <vector>

#include "apps/config.h"
#include "comm/averager.h"
#include "data/dataset.h"
#include "engine/parameters.h"
#include "kernels/conv.h"
#include "models/model.h"

namespace skein {

// What must be known to use a model: how it was trained, on what.
struct ModelCard {
  TrainConfig config;
  std::vector<std::string> classes;
  int64_t height = 0, width = 0, channels = 0;
  std::vector<float> mean, std;  // per channel

  ModelOptions model_options() const { return {int64_t(classes.size()), channels, config.shortcut[0]}; }
};
ModelCard make_card(const TrainConfig& config, const Dataset& train);

// Sums over the steps of the running epoch.
struct EpochTotals {
  double loss = 0;  // each image's
  int64_t images = 0, correct = 0;
  double seconds = 0;
};

// What the workers' averaging has cost since the run began.
struct Rounds {
  int64_t world = 0, block = 0;     // averagings among all, and within a block
  int64_t bytes = 0;                // that one worker has sent
  double compute = 0, network = 0;  // seconds on the simulated clock: the slowest worker's steps, and --net's transfers
};

struct TrainState {
  int64_t step = 0, epoch = 0, step_in_epoch = 0;  // done so far; an epoch is done when it has been evaluated
  EpochTotals totals;
  double last_top1 = 0, best_top1 = -1;  // on the test set, percent
  int64_t best_epoch = 0;
  double seconds = 0;  // of training and evaluation
  Rounds rounds;
};

struct Checkpoint {
  std::string folder;
  ModelCard card;
  TrainState state;
  int64_t threads = 0;
  std::vector<cpu::ConvPlan> conv_plans;
};

// What each of several workers has for itself; empty: there is one, and its momentum is in the ParameterStore.
using WorkerStates = std::vector<std::vector<NamedTensor>>;

// RunFailed when the disk is full: the older checkpoint is untouched then.
void write_checkpoint(const std::string& folder, const ModelCard& card, const ParameterStore& parameters,
                      const WorkerStates& workers, const TrainState& state);

// BadInput names file, tensor and fix where anything is missing, cut short or belongs to another model.
Checkpoint open_checkpoint(const std::string& folder);
void load_model(const Checkpoint& checkpoint, ParameterStore& parameters);
void load_momentum(const Checkpoint& checkpoint, ParameterStore& parameters);
void load_worker(const Checkpoint& checkpoint, int64_t rank, const std::vector<NamedTensor>& to);

}  // namespace skein
