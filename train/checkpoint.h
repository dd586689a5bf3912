// A checkpoint is a folder that is enough to use the model anywhere and to go on with the run to the bit:
//   model.safetensors      parameters and running statistics by name, true shapes; metadata: what the model is and saw
//   optimizer.safetensors  the momentum of each parameter, by the same names; with one worker
//   worker-R.safetensors   with several, where the model is their average: everything that worker R has for itself
//   progress.json          where the run is, and what its rounding depends on: convolution plans and threads
// It is written beside the older one and takes its place in one step, so there is always a whole one.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "comm/process_group.h"
#include "data/dataset.h"
#include "engine/parameters.h"
#include "kernels/conv.h"
#include "local_sgd/named_tensor.h"
#include "local_sgd/network_model.h"
#include "models/model.h"
#include "train/config.h"

namespace skein {

// What must be known to use a model: how it was trained, on what.
struct ModelInfo {
  TrainConfig config;
  std::vector<std::string> classes;
  int64_t height = 0, width = 0, channels = 0;
  std::vector<float> mean, std;  // per channel

  ModelOptions model_options() const {
    return {int64_t(classes.size()), channels,          letter_of(config.shortcut),
            float(config.dropout),   config.zero_gamma, config.normal_classifier};
  }
};
ModelInfo make_model_info(const TrainConfig& config, const Dataset& train);

// Sums over the steps of the running epoch.
struct EpochTotals {
  double loss = 0;  // each image's
  int64_t images = 0, correct = 0;
  double seconds = 0;
};

// What the workers' averaging has cost since the run began.
struct CommunicationTotals {
  int64_t world = 0, block = 0;     // averagings among all, and within a block
  int64_t bytes = 0;                // that worker 0 has sent
  double compute = 0, network = 0;  // seconds on the simulated clock: the slowest worker's steps, and --net's transfers
  ScopeTraffic sent;                // of the busiest worker each time, which --net charges
};

// Top-1 on the test set in percent, after the last epoch and after the best one.
struct BestSoFar {
  double last = 0, best = -1;
  int64_t best_epoch = 0;
  void add(double top1, int64_t epoch) {
    last = top1;
    if (top1 > best) best = top1, best_epoch = epoch;
  }
};

struct TrainState {
  int64_t step = 0, epoch = 0, step_in_epoch = 0;  // done so far; an epoch is done when it has been evaluated
  EpochTotals totals;
  BestSoFar averaged,
      local;           // of the model (of several workers: their average); mean over the workers' own, where asked for
  double seconds = 0;  // of training and evaluation
  CommunicationTotals rounds;
  int64_t threads_per_worker = 0;  // the rounding depends on it
};

struct Checkpoint {
  std::string folder;
  ModelInfo info;
  TrainState state;
  std::vector<ConvChoice> conv_choices;
};

// What each of several workers has for itself, by rank: those of this process. Empty: there is one in all, and its
// momentum is in the ParameterStore.
using WorkerStates = std::map<int64_t, std::vector<NamedTensor>>;

// Collective: every process writes its workers' files, the first one all else. RunFailed on all of them when a disk is
// full: the older checkpoint is untouched then.
void write_checkpoint(ProcessGroup& group, const std::string& folder, const ModelInfo& info,
                      const ParameterStore& parameters, const WorkerStates& workers, const TrainState& state);

// BadInput names file, tensor and fix where anything is missing, cut short or belongs to another model.
Checkpoint open_checkpoint(const std::string& folder);
void load_model(const Checkpoint& checkpoint, ParameterStore& parameters);
void load_momentum(const Checkpoint& checkpoint, ParameterStore& parameters);
void load_worker(const Checkpoint& checkpoint, int64_t rank, const std::vector<NamedTensor>& to);

}  // namespace skein
