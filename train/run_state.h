// The state of a run without the tensors of its workers. A checkpoint keeps both.
// Every rank holds the same values, but for times, which are rank 0's where a checkpoint keeps them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/image/preprocessing.h"
#include "local_sgd/named_tensor.h"
#include "local_sgd/network_model.h"
#include "models/model.h"
#include "train/config/config.h"

namespace skein {

class SafetensorsFile;

// Fingerprints (data/fingerprint.h) of a run's data. 0: not known, in a checkpoint of an older version.
struct DataFingerprints {
  uint64_t train = 0, test = 0;
};

// All that is needed to use a trained model: its configuration, and the classes, image size, normalisation and
// preprocessing of its data.
struct ModelInfo {
  TrainConfig config;
  std::vector<std::string> classes;
  int64_t height = 0, width = 0, channels = 0;  // size of an image in pixels
  std::vector<float> mean, std;                 // per channel, as in Dataset
  Preprocessing preprocessing = Preprocessing::centre_square;

  ModelOptions model_options() const {
    return {int64_t(classes.size()), channels,          letter_of(config.shortcut),
            float(config.dropout),   config.zero_gamma, config.normal_classifier};
  }
};
ModelInfo make_model_info(const TrainConfig& config, const Dataset& train);
// The same without most of the configuration, as metadata of a file: the network, the size, mean, std and preprocessing
// of an image, and the class names in the order of the logits. Lists are JSON arrays.
std::map<std::string, std::string> model_metadata(const ModelInfo& info);
// Reads it back from a checkpoint's file, which has the configuration too. BadInput for damaged metadata.
ModelInfo read_model_info(const SafetensorsFile& file);

// Seconds of an epoch by what they were spent on. Of the workers the slowest in each step counts, so that the first
// three add up to the training time where workers do not wait for each other.
struct EpochTimes {
  double data = 0;      // waiting for batches
  double compute = 0;   // forward, backward, update
  double average = 0;   // averaging
  double evaluate = 0;  // on the test set
};

// Sums over the steps of the running epoch, over all workers.
struct EpochTotals {
  double loss = 0;  // sum of the images' losses
  int64_t images = 0, correct = 0;
  double seconds = 0;  // training time
  EpochTimes times = {};
};

// Cost of the workers' averaging since the run began.
struct CommunicationTotals {
  int64_t world = 0, block = 0;  // number of averagings over all workers, and within blocks
  int64_t bytes = 0;             // sent by worker 0
  double compute = 0;            // seconds: sum over the steps of the slowest worker's time
  double network = 0;            // seconds on the simulated network (--net)
  ScopeTraffic sent;             // sum over the averagings of the busiest worker's traffic, which --net charges
  ScopeTraffic delayed;          // the part of it that travelled while the workers went on
  double overlap = 0;            // seconds: sum over the steps during which it did of the slowest worker's time
};

// Top-1 accuracy on the test set in percent: after the last epoch, and the best so far.
struct BestSoFar {
  double last = 0, best = -1;
  int64_t best_epoch = 0;  // from 1; 0: no epoch yet

  // Returns whether the epoch is the best so far. Of equal ones the first is the best.
  bool add(double top1, int64_t epoch) {
    last = top1;
    if (!(top1 > best)) return false;
    best = top1, best_epoch = epoch;
    return true;
  }
  void forget_best() { best = -1, best_epoch = 0; }
};

struct TrainState {
  int64_t step = 0, epoch = 0, step_in_epoch = 0;  // done so far; an epoch is done when it has been evaluated
  EpochTotals totals;
  BestSoFar averaged;  // accuracy of the model; with several workers, of their average
  BestSoFar local;     // mean over the workers' own models, in epochs that --eval-local selects
  double seconds = 0;  // time of training and evaluation
  CommunicationTotals rounds;
  int64_t threads_per_worker = 0;  // kept because the rounding depends on it
  BestSoFar ema = {};              // accuracy of the weights' average over the steps, with --ema
  DataFingerprints data = {};
  // Delayed averagings: of the one after the last step, which the next step starts, and of the one that waits for its
  // merge. At most one of them is not none.
  SyncScope to_start = SyncScope::none, under_way = SyncScope::none;
};

// Per-worker state (value, momentum, error memory, ...) by rank, for the workers of this process. Empty where nothing
// averages: the momentum of the only worker is in the ParameterStore.
using WorkerStates = std::map<int64_t, std::vector<NamedTensor>>;

}  // namespace skein
