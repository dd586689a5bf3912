// Starting from weights, and resuming a run from its last checkpoint: to the bit, or with workers that start again from
// the average of the models (--from-consensus). Not collective: every rank reads the checkpoint itself.
#pragma once

#include <string>
#include <vector>

#include "train/run/checkpoint.h"

namespace skein {

class Trainer;

// The folder of a run's newest checkpoint that is whole: last, one of those before it (--keep), or best. All its files
// are compared with their checksums. Repairs it after a crash between two renames. BadInput where there is none.
std::string last_checkpoint(const std::string& run);

// BadInput where the data is not the data that the run began with: other sizes, classes, normalisation, labels or
// pictures.
void check_same_data(const ModelInfo& now, const DataFingerprints& fingerprints, const Checkpoint& checkpoint);

// BadInput where the run has gone further than `epochs`.
void check_epochs(int64_t epochs, const Checkpoint& checkpoint);

// The state of workers that start again: at the begin of the checkpoint's epoch, whose steps are taken anew.
TrainState state_from_consensus(const Checkpoint& checkpoint, const TrainConfig& config, const Dataset& train);
// The position to which the logs are truncated, in the step numbering of the original run.
TrainState log_state(const Checkpoint& checkpoint, const TrainState& start);
// A list, for the user, of what workers that start again lose.
std::string dropped(const Checkpoint& checkpoint);

// Loads the checkpoint into the workers of this process: the state of each, or the average of the models into all.
void load_workers(const Checkpoint& checkpoint, Trainer& trainer);
void load_consensus(const Checkpoint& checkpoint, Trainer& trainer);
// Loads the weights of --init into the workers of this process. Returns read_weights()'s sentences for the user.
std::vector<std::string> load_initial_weights(const TrainConfig& config, Trainer& trainer);
// Sets the first convolution of the workers of this process to the filters of train/weights/whitening.h.
void whiten_stem(const Dataset& train, Trainer& trainer);

}  // namespace skein
