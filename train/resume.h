// How a run goes on from its last checkpoint: to the bit, or with workers that start again from their average.
#pragma once

#include "train/run.h"
#include "train/trainer.h"

namespace skein {

// The folder of the last checkpoint of a run, found again after a crash between renames; BadInput where there is none.
std::string last_checkpoint(const std::string& run);

// BadInput where the data is not what the run has begun with.
void check_same_data(const ModelInfo& now, const Checkpoint& checkpoint);

// Where workers that start again begin: at the epoch that the checkpoint is in, whose steps are done anew.
TrainState state_from_consensus(const Checkpoint& checkpoint, const TrainConfig& config, const Dataset& train);
// Where the logs end that are kept: the same, in the steps that the run has counted so far.
TrainState log_state(const Checkpoint& checkpoint, const TrainState& start);
// What is lost then, in words.
std::string dropped(const Checkpoint& checkpoint);

void load_workers(const Checkpoint& checkpoint, Trainer& trainer);
void load_consensus(const Checkpoint& checkpoint, Trainer& trainer);

}  // namespace skein
